import type { errors as english } from '../en/errors.ts';
import type { Texts } from '../translated.ts';

export const errors: Texts<typeof english> = {
  aborted: { title: 'Abgebrochen', next: '' },
  busy: {
    title: 'In Gebrauch',
    next: 'Warte, bis es fertig ist, und versuche es dann noch einmal.',
  },
  catalog_corrupt: {
    title: 'Der Katalog ist nicht lesbar',
    next: 'Wenn eine neuere Version von Nibble diese Bibliothek benutzt hat, aktualisiere Nibble. Sonst stelle den Ordner aus einer Sicherung wieder her.',
  },
  changed_on_hub: {
    title: 'Das Modell hat sich auf dem Hub geändert',
    next: 'Hole es noch einmal: Nibble lädt dann die neue Fassung.',
  },
  checksum_mismatch: {
    title: 'Eine Datei ist beschädigt',
    next: 'Lade sie noch einmal. Scheitert auch das, verändert der Hub oder das Netz die Datei.',
  },
  disk_full: {
    title: 'Der Datenträger ist voll',
    next: 'Gib dort Platz frei oder wähle einen anderen Ordner. Was fertig ist, bleibt.',
  },
  engine_restarted: {
    title: 'Die Engine von Nibble wurde neu gestartet',
    next: 'Versuche es noch einmal. Aufgaben, die liefen, lassen sich fortsetzen.',
  },
  gated: {
    title: 'Dieses Modell braucht eine Erlaubnis',
    next: 'Stimme den Bedingungen auf der Seite des Modells zu und hinterlege dann ein Zugriffstoken.',
  },
  internal: {
    title: 'In Nibble ist etwas schiefgegangen',
    next: 'Versuche es noch einmal. Geschieht es wieder, kopiere in den Einstellungen die Diagnose und melde den Fehler.',
  },
  invalid_input: {
    title: 'Das geht so nicht',
    next: 'Ändere die Eingabe und versuche es noch einmal.',
  },
  invalid_weights: {
    title: 'Die Gewichte sind beschädigt',
    next: 'Prüfe das Modell oder hole es noch einmal.',
  },
  kernel_failed: {
    title: 'Eine Berechnung ist gescheitert',
    next: 'Versuche es noch einmal. Geschieht es wieder, wähle in den Einstellungen den Prozessor als Rechengerät.',
  },
  malformed_file: {
    title: 'Eine Datei ist nicht lesbar',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  missing_tokenizer: {
    title: 'Der Tokenizer fehlt',
    next: 'Kopiere tokenizer.json und tokenizer_config.json des ursprünglichen Modells in seinen Ordner und versuche es noch einmal.',
  },
  network: {
    title: 'Keine Verbindung zum Hub',
    next: 'Prüfe deine Verbindung und versuche es noch einmal.',
  },
  not_found: {
    title: 'Nicht gefunden',
    next: 'Prüfe den Namen oder wähle etwas anderes.',
  },
  out_of_memory: {
    title: 'Zu wenig Arbeitsspeicher',
    next: 'Entlade ein Modell, schließe andere Programme oder wähle eine kleinere Fassung.',
  },
  permission_denied: {
    title: 'Keine Berechtigung',
    next: 'Prüfe die Rechte an diesem Ordner oder wähle in den Einstellungen einen anderen.',
  },
  rate_limited: {
    title: 'Zu viele Anfragen an den Hub',
    next: 'Warte eine Minute und versuche es noch einmal. Mit einem Zugriffstoken erlaubt der Hub mehr.',
  },
  runner_crashed: {
    title: 'Der Prozess des Modells ist beendet',
    next: 'Versuche es noch einmal: Das Modell wird neu geladen. Geschieht es wieder, wähle eine kleinere Fassung.',
  },
  runtime_unavailable: {
    title: 'Ein Teil von Nibble fehlt',
    next: 'Installiere Nibble neu oder wähle in den Einstellungen den Prozessor als Rechengerät.',
  },
  unauthorized: {
    title: 'Der Hub hat das Zugriffstoken abgelehnt',
    next: 'Ersetze das Token in den Einstellungen und versuche es noch einmal.',
  },
  unsupported_model: {
    title: 'Dieses Modell wird nicht unterstützt',
    next: 'Wähle ein anderes Modell.',
  },
  connection: {
    certificate_expired: 'Sein Zertifikat ist abgelaufen.',
    certificate_not_trusted: 'Seinem Zertifikat wird nicht vertraut.',
    certificate_of_another: 'Sein Zertifikat gilt für einen anderen Namen.',
    cut: 'Die Verbindung wurde getrennt.',
    name_unknown: 'Das Netz kennt seinen Namen nicht.',
    no_answer: 'Er hat nicht rechtzeitig geantwortet.',
    no_name_service: 'Sein Name lässt sich gerade nicht nachschlagen.',
    no_network: 'Es gibt kein Netz.',
    no_route: 'Es führt kein Weg zu ihm.',
    refused: 'Die Verbindung wurde abgelehnt.',
    stopped_sending: 'Er sendet nicht weiter.',
    wrong_length: 'Er hat mehr oder weniger gesendet als angekündigt.',
  },
  details: 'Einzelheiten',
  steps: {
    token: 'Token eintragen',
    page: 'Seite des Modells öffnen',
    library: 'In der Bibliothek Platz schaffen',
    models: 'Zur Bibliothek',
    folders: 'Anderen Ordner wählen',
    device: 'Rechengerät wählen',
    settings: 'Einstellungen öffnen',
    remake: 'Noch einmal holen',
    report: 'Diagnose öffnen',
  },
};
