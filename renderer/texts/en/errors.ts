/**
 * A headline per error code, and what the person can do in this window where the error names no reason that has words of
 * its own in `reasons.ts`. Keys are codes with `-` as `_`.
 */
export const errors = {
  aborted: { title: 'Cancelled', next: '' },
  busy: { title: 'In use', next: 'Wait until it is done, then try again.' },
  catalog_corrupt: {
    title: 'The catalog can’t be read',
    next: 'If a newer version of Nibble has used this library, update Nibble. Otherwise restore its folder from a backup.',
  },
  changed_on_hub: {
    title: 'The model changed on the hub',
    next: 'Get it again: Nibble then downloads the new version.',
  },
  checksum_mismatch: {
    title: 'A file is damaged',
    next: 'Download it again. If that fails too, the hub or the network changes the file.',
  },
  disk_full: {
    title: 'The disk is full',
    next: 'Free some space on that disk, or choose another folder. What is finished stays.',
  },
  engine_restarted: {
    title: 'Nibble’s engine was restarted',
    next: 'Try again. Jobs that were running can be resumed.',
  },
  gated: {
    title: 'This model needs permission',
    next: 'Accept the terms on the model’s page, then add an access token.',
  },
  internal: {
    title: 'Something went wrong in Nibble',
    next: 'Try again. If it happens again, copy the diagnostics in the settings and report it.',
  },
  invalid_input: { title: 'That isn’t possible', next: 'Change what you entered, then try again.' },
  invalid_weights: {
    title: 'The weights are damaged',
    next: 'Verify the model, or get it again.',
  },
  kernel_failed: {
    title: 'A computation failed',
    next: 'Try again. If it happens again, choose the processor as compute device in the settings.',
  },
  malformed_file: {
    title: 'A file can’t be read',
    next: 'Get the model again, or choose another one.',
  },
  missing_tokenizer: {
    title: 'The tokenizer is missing',
    next: 'Copy tokenizer.json and tokenizer_config.json of the original model into its folder, then try again.',
  },
  network: { title: 'No connection to the hub', next: 'Check your connection, then try again.' },
  not_found: { title: 'Not found', next: 'Check the name, or choose another one.' },
  out_of_memory: {
    title: 'Not enough memory',
    next: 'Unload a model, close other programs, or choose a smaller version.',
  },
  permission_denied: {
    title: 'No permission',
    next: 'Check the permissions of that folder, or choose another one in the settings.',
  },
  rate_limited: {
    title: 'Too many requests to the hub',
    next: 'Wait a minute, then try again. With an access token the hub allows more.',
  },
  runner_crashed: {
    title: 'The model’s process ended',
    next: 'Try again: the model is loaded anew. If it happens again, choose a smaller version.',
  },
  runtime_unavailable: {
    title: 'A part of Nibble is missing',
    next: 'Install Nibble again, or choose the processor as compute device in the settings.',
  },
  unauthorized: {
    title: 'The hub refused the access token',
    next: 'Replace the token in the settings, then try again.',
  },
  unsupported_model: { title: 'This model isn’t supported', next: 'Choose another model.' },
  /** How a connection failed, as a sentence about the host that was named before it. */
  connection: {
    certificate_expired: 'Its certificate has expired.',
    certificate_not_trusted: 'Its certificate isn’t trusted.',
    certificate_of_another: 'Its certificate is for another name.',
    cut: 'The connection was cut.',
    name_unknown: 'Its name isn’t known to the network.',
    no_answer: 'It didn’t answer in time.',
    no_name_service: 'Its name can’t be looked up at the moment.',
    no_network: 'There is no network.',
    no_route: 'There is no route to it.',
    refused: 'The connection was refused.',
    stopped_sending: 'It stopped sending.',
    wrong_length: 'It sent more or less than it announced.',
  },
  /** What the engine said, where no words of this window fit. */
  details: 'Details',
  /** Buttons that do the next step. */
  steps: {
    token: 'Add an access token',
    page: 'Open the model’s page',
    library: 'Free space in the library',
    models: 'Go to the library',
    folders: 'Choose another folder',
    device: 'Choose the compute device',
    settings: 'Open the settings',
    remake: 'Get it again',
    report: 'Open diagnostics',
  },
} as const;
