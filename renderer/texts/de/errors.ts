import type { errors as english } from '../en/errors.ts';
import type { Texts } from '../texts.ts';

export const errors: Texts<typeof english> = {
  aborted: 'Abgebrochen',
  busy: 'Beschäftigt',
  catalog_corrupt: 'Der Katalog ist nicht lesbar',
  changed_on_hub: 'Das Modell hat sich auf dem Hub geändert',
  checksum_mismatch: 'Eine Datei ist nicht, was sie sein soll',
  disk_full: 'Der Datenträger ist voll',
  engine_restarted: 'Der Kern von Nibble wurde neu gestartet',
  gated: 'Dieses Modell verlangt erst eine Erlaubnis',
  internal: 'Ein Fehler von uns',
  invalid_input: 'Das geht so nicht',
  invalid_weights: 'Die Gewichte sind beschädigt',
  kernel_failed: 'Eine Rechnung ist gescheitert',
  malformed_file: 'Eine Datei ist nicht lesbar',
  missing_tokenizer: 'Der Tokenizer fehlt',
  network: 'Das Netz antwortet nicht',
  not_found: 'Nicht gefunden',
  out_of_memory: 'Zu wenig Speicher',
  permission_denied: 'Keine Berechtigung',
  rate_limited: 'Der Hub bittet zu warten',
  runner_crashed: 'Der Prozess des Modells ist beendet',
  runtime_unavailable: 'Die Laufzeit fehlt',
  unauthorized: 'Der Hub nimmt das Token nicht an',
  unsupported_model: 'Dieses Modell wird nicht unterstützt',
};
