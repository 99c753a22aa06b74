import type { ReasonWords } from '../reason-words.ts';

/**
 * For every reason of `app/contract/error-reasons.ts` what happened and what the person can do in this window. Facts are
 * filled in as the reader's language writes them. A headline per error code is in `errors.ts`; a button for the next step
 * comes from `errors/next-steps.ts`.
 */
export const reasons = {
  'already-quantized': {
    what: 'The weights are already quantized ({{method}}). Nibble quantizes from the original 16-bit or 32-bit weights.',
    next: 'Choose the original model that this one was made from.',
  },
  'artifact-damaged': {
    what: '{{id}} was made before, but {{file}} in {{folder}} is missing or damaged.',
    next: 'Remove it from the library, then make it again.',
  },
  'artifact-newer': {
    what: '{{folder}} was made by Nibble {{version}}; this is {{ownVersion}}.',
    next: 'Update Nibble to use it. The folder is kept as it is.',
  },
  'bad-config-value': {
    what: 'config.json gives {{field}} the value {{value}}, which can’t be right.',
    next: 'Get the model again, or choose another one.',
  },
  'chat-template-ambiguous': {
    what: 'The model has several chat templates and none of them is the default: {{names}}.',
    next: 'Choose another model.',
  },
  'chat-template-failed': {
    what: 'The model’s chat template fails at line {{line}}: {{detail}}.',
    next: 'Choose another model.',
  },
  'chat-template-limit': {
    what: 'The model’s chat template needs more than is allowed ({{limit}}, line {{line}}).',
    next: 'Choose another model.',
  },
  'chat-template-refused': {
    what: 'The model’s chat template refuses this conversation: {{detail}}.',
    next: 'Change the conversation or its system prompt.',
  },
  'chat-template-syntax': {
    what: 'The model’s chat template has a syntax error at line {{line}}: {{detail}}.',
    next: 'Choose another model.',
  },
  'checkpoint-changed': {
    what: 'The files of {{name}} in {{folder}} are no longer those in the library.',
    next: 'Choose that folder as the source: what it holds now becomes a checkpoint of its own.',
  },
  'checkpoint-damaged': {
    what: '{{file}} of {{id}} has changed on disk or is missing, in {{folder}}.',
    next: 'Delete it in the library and get it again, or restore the file and verify it.',
  },
  'checkpoint-not-runnable': {
    what: '{{id}} is a checkpoint, which doesn’t run by itself.',
    next: 'Choose a version that was made from it, or make one.',
  },
  'context-overflow': {
    what: 'The conversation takes {{promptTokens}} tokens; the context of this model holds {{contextTokens}}.',
    next: 'Shorten your message, begin a new chat, or allow a longer context in the settings.',
  },
  'context-too-long': {
    what: 'A context of {{asked}} tokens is set, but this model can take at most {{limit}}.',
    next: 'Set a shorter context in the settings.',
  },
  'damaged-header': {
    what: 'The header of {{file}} is damaged.',
    next: 'Download the file again.',
  },
  'different-vocabularies': {
    what: '{{first}} and {{second}} cut text into different tokens, so they can’t be compared token by token.',
    next: 'Choose versions of the same model.',
  },
  'engine-hung': {
    what: 'Nibble’s engine gave no sign of life for {{seconds}} and was started again.',
    next: 'Try again. Jobs that were running can be resumed under Jobs.',
  },
  'engine-silent': {
    what: 'Nibble’s engine did not start within {{seconds}}.',
    next: 'Start Nibble again when the computer is less busy.',
  },
  'file-cut-short': {
    what: '{{file}} has {{bytes}} but must have {{expected}}: it ends too early.',
    next: 'Download the file again.',
  },
  'files-unreachable': {
    what: 'The folder of {{id}} isn’t there: {{folder}}.',
    next: 'Connect its disk or move it back. If it is gone, remove the model from the library and get it again.',
  },
  'gguf-only': {
    what: '{{path}} holds GGUF weights, which are already quantized. Nibble quantizes from the original safetensors.',
    next: 'Search for the original model by its name, or choose a folder with config.json and safetensors files.',
  },
  'home-is-a-file': {
    what: '{{path}} is a file, so {{folder}} can’t be Nibble’s folder.',
    next: 'Move that file away, or start Nibble with another folder.',
  },
  'home-no-permission': {
    what: 'Nibble may not write to its folder {{folder}}.',
    next: 'Change its permissions, or start Nibble with another folder.',
  },
  'home-read-only': {
    what: 'Nibble’s folder {{folder}} is on a read-only disk.',
    next: 'Make the disk writable, or start Nibble with another folder.',
  },
  'hub-too-slow': {
    what: '{{host}} did not finish answering within {{seconds}}.',
    next: 'Try again later. What is downloaded is kept.',
  },
  'hub-unreachable': {
    what: '{{host}} can’t be reached. {{cause}}',
    next: 'Check your connection and the address of the hub in the settings, then try again.',
  },
  'in-use': {
    what: '{{subject}} is in use by another process ({{process}} on {{computer}}).',
    next: 'Wait until it is done, or close the other Nibble, then try again.',
  },
  'json-duplicate-key': {
    what: '{{file}} has the key {{key}} twice in one object, so its meaning is unclear.',
    next: 'Get the model again, or choose another one.',
  },
  'json-not-object': {
    what: '{{file}} must hold a JSON object, but what it holds is of the type {{found}}.',
    next: 'Get the model again, or choose another one.',
  },
  'json-too-complex': {
    what: '{{file}} is nested more deeply or has more values than any real file of its kind.',
    next: 'Choose another model.',
  },
  'json-too-large': {
    what: '{{file}} has {{bytes}}; Nibble reads at most {{limit}} of such a file.',
    next: 'Choose another model.',
  },
  'lfs-pointer': {
    what: '{{file}} is only a Git LFS pointer: the file itself was never downloaded.',
    next: 'Run “git lfs pull” in that folder, or let Nibble download the model by its name.',
  },
  'link-leaves-folder': {
    what: '{{file}} is a link to a place outside {{folder}}. Nibble doesn’t follow it.',
    next: 'Replace the link by the file itself, then try again.',
  },
  'logits-not-finite': {
    what: 'The model computes values that aren’t numbers (NaN or infinite).',
    next: 'Verify the model, or get it again.',
  },
  'missing-file': {
    what: '{{file}} is missing in {{folder}}.',
    next: 'Get the model again, or copy the file into that folder.',
  },
  'missing-tensor': {
    what: 'The weights lack the tensor {{tensor}}, which this model needs.',
    next: 'Get the model again, or choose another one.',
  },
  'name-taken': {
    what: 'The name {{name}} belongs to {{id}} already.',
    next: 'Choose another name.',
  },
  'no-weights': {
    what: '{{folder}} has no safetensors weights.',
    next: 'Choose a folder with config.json and safetensors files, or search for the model by its name.',
  },
  'not-a-folder': {
    what: '{{path}} is a file, not a folder.',
    next: 'Choose the folder that holds config.json and the safetensors files.',
  },
  'not-enough-space': {
    what: '{{folder}} has {{free}} free, but {{needed}} are needed.',
    next: 'Free some space on that disk, or choose another folder.',
  },
  'not-json': {
    what: '{{file}} isn’t valid JSON.',
    next: 'Get the model again, or choose another one.',
  },
  'nothing-there': {
    what: 'There is no model, file or folder called {{name}}.',
    next: 'Enter a name from the hub (owner/name), or the path of a folder with config.json and safetensors files.',
  },
  'prompt-beyond-context': {
    what: 'The conversation has {{characters}} characters and far more tokens than the context of this model holds ({{contextTokens}}).',
    next: 'Shorten your message, begin a new chat, or allow a longer context in the settings.',
  },
  'recorded-file-changed': {
    what: '{{file}} in {{folder}} has changed since this model was made or added.',
    next: 'Restore the file, or remove the model from the library and make or add it again.',
  },
  'runner-ended': {
    what: 'The process that runs the model {{how}}.',
    next: 'Try again: the model is loaded anew. If it happens again, choose a smaller version.',
  },
  'runner-hung': {
    what: 'The process that runs the model gave no sign of life for {{seconds}} and was ended.',
    next: 'Try again: the model is loaded anew.',
  },
  'runner-silent': {
    what: 'The process that runs the model did not start within {{seconds}}.',
    next: 'Try again when the computer is less busy.',
  },
  'tensor-shape': {
    what: 'The tensor {{tensor}} has the shape {{found}}; config.json asks for {{expected}}.',
    next: 'Get the model again, or choose another one.',
  },
  'tensor-type': {
    what: 'The tensor {{tensor}} is stored as {{type}}, which can’t be used for it.',
    next: 'Choose another model.',
  },
  'tensor-without-prefix': {
    what: 'The weights have {{found}}, but not {{tensor}}: they were saved from the bare model, without its output layer.',
    next: 'Choose the whole model, or save it again with AutoModelForCausalLM of transformers.',
  },
  'text-not-in-vocabulary': {
    what: 'The text has characters that this model’s tokenizer does not know.',
    next: 'Leave unusual characters out, or choose another model.',
  },
  'tokenizer-output-limit': {
    what: 'This model’s tokenizer makes more than {{limit}} characters of the text, which no real one does.',
    next: 'Choose another model.',
  },
  'tokenizer-timeout': {
    what: 'This model’s tokenizer did not finish within {{limit}} and was stopped.',
    next: 'Try a shorter text. If that does not help, choose another model.',
  },
  'tokenizer-unusable': {
    what: '{{file}} cannot be used as a tokenizer: {{problem}}.',
    next: 'Get the model again, or choose another one.',
  },
  'unknown-architecture': {
    what: 'Nibble can’t quantize or run {{architecture}} models yet.',
    next: 'Choose another model. To ask for this one, open an issue in Nibble’s project with this name.',
  },
  'unknown-architecture-similar': {
    what: 'Nibble can’t quantize or run {{architecture}} models yet, only {{similar}}.',
    next: 'Choose another model. To ask for this one, open an issue in Nibble’s project with this name.',
  },
  'unreadable-row': {
    what: 'This entry of the library ({{table}}) can’t be read by this version of Nibble.',
    next: 'If a newer Nibble has used this library, update Nibble.',
  },
  'unsafe-file-name': {
    what: '{{file}} names a file that could lie outside the model’s folder: {{name}}.',
    next: 'Choose another model.',
  },
  'unsupported-feature': {
    what: 'This model needs a feature that Nibble doesn’t have yet: {{field}} = {{value}}.',
    next: 'Choose another model.',
  },
  'vocabulary-mismatch': {
    what: '{{tensor}} has {{rows}} rows, but config.json says the vocabulary has {{vocabulary}} tokens.',
    next: 'Get the model again, or choose another one.',
  },
  'weights-changed': {
    what: '{{file}} in {{folder}} isn’t the file that Nibble wrote: its contents have changed.',
    next: 'Delete this version and make it again, or restore the file from a backup.',
  },
  'weights-of-another': {
    what: 'The folder {{folder}} holds the weights of another model (fingerprint {{found}}) than {{artifact}} ({{expected}}).',
    next: 'Put the right files back, or delete this version and make it again.',
  },
  'weights-replaced': {
    what: '{{file}} in {{folder}} was replaced while the model was loaded.',
    next: 'Try again: the model is then loaded from the new file, once its contents are checked.',
  },
  'weights-unreadable': {
    what: '{{file}} can’t be read any more: it was cut short, or its disk is gone.',
    next: 'Connect the disk again, or verify the model in the library.',
  },
} as const satisfies ReasonWords;
