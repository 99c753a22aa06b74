import type { reasons as english } from '../en/reasons.ts';
import type { Texts } from '../translated.ts';

export const reasons: Texts<typeof english> = {
  'already-quantized': {
    what: 'Die Gewichte sind schon quantisiert ({{method}}). Nibble quantisiert aus den ursprünglichen Gewichten mit 16 oder 32 Bit.',
    next: 'Wähle das ursprüngliche Modell, aus dem dieses gemacht wurde.',
  },
  'artifact-damaged': {
    what: '{{id}} gibt es schon, aber {{file}} in {{folder}} fehlt oder ist beschädigt.',
    next: 'Entferne es aus der Bibliothek und erstelle es dann noch einmal.',
  },
  'artifact-newer': {
    what: '{{folder}} stammt von Nibble {{version}}; dies ist {{ownVersion}}.',
    next: 'Aktualisiere Nibble, um es zu benutzen. Der Ordner bleibt, wie er ist.',
  },
  'bad-config-value': {
    what: 'config.json gibt {{field}} den Wert {{value}}; das kann nicht stimmen.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'chat-template-ambiguous': {
    what: 'Das Modell hat mehrere Chat-Vorlagen und keine ist die übliche: {{names}}.',
    next: 'Wähle ein anderes Modell.',
  },
  'chat-template-failed': {
    what: 'Die Chat-Vorlage des Modells scheitert in Zeile {{line}}: {{detail}}.',
    next: 'Wähle ein anderes Modell.',
  },
  'chat-template-limit': {
    what: 'Die Chat-Vorlage des Modells braucht mehr, als erlaubt ist ({{limit}}, Zeile {{line}}).',
    next: 'Wähle ein anderes Modell.',
  },
  'chat-template-refused': {
    what: 'Die Chat-Vorlage des Modells lehnt dieses Gespräch ab: {{detail}}.',
    next: 'Ändere das Gespräch oder seinen Systemprompt.',
  },
  'chat-template-syntax': {
    what: 'Die Chat-Vorlage des Modells hat in Zeile {{line}} einen Syntaxfehler: {{detail}}.',
    next: 'Wähle ein anderes Modell.',
  },
  'checkpoint-changed': {
    what: 'Die Dateien von {{name}} in {{folder}} sind nicht mehr die der Bibliothek.',
    next: 'Wähle diesen Ordner als Quelle: Was jetzt darin liegt, wird ein eigener Checkpoint.',
  },
  'checkpoint-damaged': {
    what: '{{file}} von {{id}} in {{folder}} hat sich auf der Platte verändert oder fehlt.',
    next: 'Lösche ihn in der Bibliothek und hole ihn neu, oder stelle die Datei wieder her und prüfe sie.',
  },
  'checkpoint-not-runnable': {
    what: '{{id}} ist ein Checkpoint und läuft nicht für sich.',
    next: 'Wähle eine Fassung, die daraus gemacht wurde, oder mache eine.',
  },
  'context-overflow': {
    what: 'Das Gespräch braucht {{promptTokens}} Token; der Kontext dieses Modells fasst {{contextTokens}}.',
    next: 'Kürze deine Nachricht, beginne einen neuen Chat oder erlaube in den Einstellungen einen längeren Kontext.',
  },
  'context-too-long': {
    what: 'Eingestellt ist ein Kontext von {{asked}} Token, aber dieses Modell fasst höchstens {{limit}}.',
    next: 'Stelle in den Einstellungen einen kürzeren Kontext ein.',
  },
  'damaged-header': {
    what: 'Der Kopf von {{file}} ist beschädigt.',
    next: 'Lade die Datei noch einmal herunter.',
  },
  'different-vocabularies': {
    what: '{{first}} und {{second}} zerlegen Text in verschiedene Token und lassen sich nicht Token für Token vergleichen.',
    next: 'Wähle Fassungen desselben Modells.',
  },
  'engine-hung': {
    what: 'Die Engine von Nibble gab {{seconds}} lang kein Lebenszeichen und wurde neu gestartet.',
    next: 'Versuche es noch einmal. Aufgaben, die liefen, lassen sich unter „Aufgaben“ fortsetzen.',
  },
  'engine-silent': {
    what: 'Die Engine von Nibble ist nicht innerhalb von {{seconds}} gestartet.',
    next: 'Starte Nibble neu, wenn der Rechner weniger zu tun hat.',
  },
  'file-cut-short': {
    what: '{{file}} hat {{bytes}}, müsste aber {{expected}} haben: Die Datei endet zu früh.',
    next: 'Lade die Datei noch einmal herunter.',
  },
  'files-unreachable': {
    what: 'Der Ordner von {{id}} ist nicht da: {{folder}}.',
    next: 'Schließe seinen Datenträger an oder lege ihn zurück. Ist er weg, entferne das Modell aus der Bibliothek und hole es noch einmal.',
  },
  'gguf-only': {
    what: '{{path}} enthält GGUF-Gewichte, die schon quantisiert sind. Nibble quantisiert aus den ursprünglichen Safetensors.',
    next: 'Suche das ursprüngliche Modell nach seinem Namen oder wähle einen Ordner mit config.json und Safetensors-Dateien.',
  },
  'home-is-a-file': {
    what: '{{path}} ist eine Datei, deshalb kann {{folder}} nicht der Ordner von Nibble sein.',
    next: 'Verschiebe die Datei oder starte Nibble mit einem anderen Ordner.',
  },
  'home-no-permission': {
    what: 'Nibble darf nicht in seinen Ordner {{folder}} schreiben.',
    next: 'Ändere die Rechte oder starte Nibble mit einem anderen Ordner.',
  },
  'home-read-only': {
    what: 'Der Ordner {{folder}} von Nibble liegt auf einem schreibgeschützten Datenträger.',
    next: 'Mach ihn beschreibbar oder starte Nibble mit einem anderen Ordner.',
  },
  'hub-too-slow': {
    what: '{{host}} hat innerhalb von {{seconds}} nicht zu Ende geantwortet.',
    next: 'Versuche es später noch einmal. Was heruntergeladen ist, bleibt.',
  },
  'hub-unreachable': {
    what: '{{host}} ist nicht erreichbar. {{cause}}',
    next: 'Prüfe deine Verbindung und die Adresse des Hubs in den Einstellungen und versuche es noch einmal.',
  },
  'in-use': {
    what: '{{subject}} wird von einem anderen Prozess benutzt ({{process}} auf {{computer}}).',
    next: 'Warte, bis er fertig ist, oder schließe das andere Nibble und versuche es dann noch einmal.',
  },
  'json-duplicate-key': {
    what: '{{file}} hat den Schlüssel {{key}} zweimal in einem Objekt; was gilt, ist unklar.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'json-not-object': {
    what: '{{file}} muss ein JSON-Objekt enthalten, hat aber einen Wert vom Typ {{found}}.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'json-too-complex': {
    what: '{{file}} ist tiefer verschachtelt oder hat mehr Werte als jede echte Datei dieser Art.',
    next: 'Wähle ein anderes Modell.',
  },
  'json-too-large': {
    what: '{{file}} hat {{bytes}}; Nibble liest von einer solchen Datei höchstens {{limit}}.',
    next: 'Wähle ein anderes Modell.',
  },
  'lfs-pointer': {
    what: '{{file}} ist nur ein Verweis von Git LFS: Die Datei selbst wurde nie heruntergeladen.',
    next: 'Führe in diesem Ordner „git lfs pull“ aus oder lass Nibble das Modell nach seinem Namen herunterladen.',
  },
  'link-leaves-folder': {
    what: '{{file}} ist ein Verweis auf einen Ort außerhalb von {{folder}}. Nibble folgt ihm nicht.',
    next: 'Ersetze den Verweis durch die Datei selbst und versuche es noch einmal.',
  },
  'logits-not-finite': {
    what: 'Das Modell rechnet Werte aus, die keine Zahlen sind (NaN oder unendlich).',
    next: 'Prüfe das Modell oder hole es noch einmal.',
  },
  'missing-file': {
    what: '{{file}} fehlt in {{folder}}.',
    next: 'Hole das Modell noch einmal oder kopiere die Datei in diesen Ordner.',
  },
  'missing-tensor': {
    what: 'Den Gewichten fehlt der Tensor {{tensor}}, den dieses Modell braucht.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'name-taken': {
    what: 'Der Name {{name}} gehört schon {{id}}.',
    next: 'Wähle einen anderen Namen.',
  },
  'no-weights': {
    what: 'In {{folder}} liegen keine Gewichte als Safetensors.',
    next: 'Wähle einen Ordner mit config.json und Safetensors-Dateien oder suche das Modell nach seinem Namen.',
  },
  'not-a-folder': {
    what: '{{path}} ist eine Datei und kein Ordner.',
    next: 'Wähle den Ordner, in dem config.json und die Safetensors-Dateien liegen.',
  },
  'not-enough-space': {
    what: 'In {{folder}} sind {{free}} frei, gebraucht werden {{needed}}.',
    next: 'Gib dort Platz frei oder wähle einen anderen Ordner.',
  },
  'not-json': {
    what: '{{file}} ist kein gültiges JSON.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'nothing-there': {
    what: 'Es gibt kein Modell, keine Datei und keinen Ordner namens {{name}}.',
    next: 'Gib einen Namen vom Hub ein (Besitzer/Name) oder den Pfad eines Ordners mit config.json und Safetensors-Dateien.',
  },
  'prompt-beyond-context': {
    what: 'Die Unterhaltung hat {{characters}} Zeichen und weit mehr Token, als der Kontext dieses Modells fasst ({{contextTokens}}).',
    next: 'Kürze deine Nachricht, beginne einen neuen Chat oder erlaube in den Einstellungen einen längeren Kontext.',
  },
  'recorded-file-changed': {
    what: '{{file}} in {{folder}} ist verändert worden, seit dieses Modell erstellt oder hinzugefügt wurde.',
    next: 'Stelle die Datei wieder her oder entferne das Modell aus der Bibliothek und erstelle es noch einmal.',
  },
  'runner-ended': {
    what: 'Der Prozess, der das Modell ausführt, ist unerwartet beendet worden.',
    next: 'Versuche es noch einmal: Das Modell wird neu geladen. Geschieht es wieder, wähle eine kleinere Fassung.',
  },
  'runner-hung': {
    what: 'Der Prozess, der das Modell ausführt, gab {{seconds}} lang kein Lebenszeichen und wurde beendet.',
    next: 'Versuche es noch einmal: Das Modell wird neu geladen.',
  },
  'runner-silent': {
    what: 'Der Prozess, der das Modell ausführt, ist nicht innerhalb von {{seconds}} gestartet.',
    next: 'Versuche es noch einmal, wenn der Rechner weniger zu tun hat.',
  },
  'tensor-shape': {
    what: 'Der Tensor {{tensor}} hat die Form {{found}}; config.json verlangt {{expected}}.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'tensor-type': {
    what: 'Der Tensor {{tensor}} ist als {{type}} gespeichert; dafür lässt sich das nicht verwenden.',
    next: 'Wähle ein anderes Modell.',
  },
  'tensor-without-prefix': {
    what: 'In den Gewichten steht {{found}}, aber nicht {{tensor}}: Gespeichert wurde das bloße Modell ohne seine Ausgabeschicht.',
    next: 'Wähle das ganze Modell oder speichere es mit AutoModelForCausalLM von transformers noch einmal.',
  },
  'text-not-in-vocabulary': {
    what: 'Der Text enthält Zeichen, die der Tokenizer dieses Modells nicht kennt.',
    next: 'Lass ungewöhnliche Zeichen weg oder wähle ein anderes Modell.',
  },
  'tokenizer-output-limit': {
    what: 'Der Tokenizer dieses Modells macht aus dem Text mehr als {{limit}} Zeichen, was kein echter tut.',
    next: 'Wähle ein anderes Modell.',
  },
  'tokenizer-timeout': {
    what: 'Der Tokenizer dieses Modells wurde nach {{limit}} abgebrochen.',
    next: 'Versuche es mit einem kürzeren Text. Hilft das nicht, wähle ein anderes Modell.',
  },
  'tokenizer-unusable': {
    what: '{{file}} ist als Tokenizer nicht brauchbar: {{problem}}.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'unknown-architecture': {
    what: 'Modelle der Art {{architecture}} kann Nibble noch nicht quantisieren oder ausführen.',
    next: 'Wähle ein anderes Modell. Fehlt dir dieses, lege in Nibbles Projekt ein Issue mit diesem Namen an.',
  },
  'unknown-architecture-similar': {
    what: 'Modelle der Art {{architecture}} kann Nibble noch nicht quantisieren oder ausführen, nur {{similar}}.',
    next: 'Wähle ein anderes Modell. Fehlt dir dieses, lege in Nibbles Projekt ein Issue mit diesem Namen an.',
  },
  'unreadable-row': {
    what: 'Diesen Eintrag der Bibliothek ({{table}}) kann diese Version von Nibble nicht lesen.',
    next: 'Wenn ein neueres Nibble diese Bibliothek benutzt hat, aktualisiere Nibble.',
  },
  'unsafe-file-name': {
    what: '{{file}} nennt eine Datei, die außerhalb des Ordners liegen könnte: {{name}}.',
    next: 'Wähle ein anderes Modell.',
  },
  'unsupported-feature': {
    what: 'Dieses Modell braucht etwas, das Nibble noch nicht kann: {{field}} = {{value}}.',
    next: 'Wähle ein anderes Modell.',
  },
  'vocabulary-mismatch': {
    what: '{{tensor}} hat {{rows}} Zeilen, aber nach config.json hat das Vokabular {{vocabulary}} Token.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'weights-changed': {
    what: '{{file}} in {{folder}} ist nicht mehr die Datei, die Nibble geschrieben hat: Ihr Inhalt hat sich geändert.',
    next: 'Lösche diese Fassung und mache sie noch einmal, oder stelle die Datei aus einer Sicherung wieder her.',
  },
  'weights-of-another': {
    what: 'Im Ordner {{folder}} liegen die Gewichte eines anderen Modells (Fingerabdruck {{found}}) als {{artifact}} ({{expected}}).',
    next: 'Lege die richtigen Dateien zurück, oder lösche diese Fassung und mache sie noch einmal.',
  },
  'weights-replaced': {
    what: '{{file}} in {{folder}} wurde ersetzt, während das Modell geladen war.',
    next: 'Versuche es noch einmal: Das Modell wird dann aus der neuen Datei geladen, sobald ihr Inhalt geprüft ist.',
  },
  'weights-unreadable': {
    what: '{{file}} ist nicht mehr lesbar: Die Datei wurde gekürzt, oder ihr Datenträger fehlt.',
    next: 'Schließe den Datenträger wieder an oder prüfe das Modell in der Bibliothek.',
  },
};
