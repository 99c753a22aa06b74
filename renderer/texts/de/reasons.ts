import type { reasons as english } from '../en/reasons.ts';
import type { Texts } from '../texts.ts';

export const reasons: Texts<typeof english> = {
  'already-quantized': {
    what: 'Die Gewichte sind schon quantisiert ({{method}}). Nibble quantisiert aus den ursprünglichen Gewichten mit 16 oder 32 Bit.',
    next: 'Wähle das ursprüngliche Modell, aus dem dieses gemacht wurde.',
  },
  'bad-config-value': {
    what: 'config.json gibt {{field}} den Wert {{value}}; das kann nicht stimmen.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
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
  'file-cut-short': {
    what: '{{file}} hat {{bytes}}, müsste aber {{expected}} haben: Die Datei endet zu früh.',
    next: 'Lade die Datei noch einmal herunter.',
  },
  'gguf-only': {
    what: '{{path}} enthält GGUF-Gewichte, die schon quantisiert sind. Nibble quantisiert aus den ursprünglichen Safetensors.',
    next: 'Suche das ursprüngliche Modell nach seinem Namen oder wähle einen Ordner mit config.json und Safetensors-Dateien.',
  },
  'json-duplicate-key': {
    what: '{{file}} hat den Schlüssel {{key}} zweimal in einem Objekt; was gilt, ist unklar.',
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
  'missing-file': {
    what: '{{file}} fehlt in {{folder}}.',
    next: 'Hole das Modell noch einmal oder kopiere die Datei in diesen Ordner.',
  },
  'missing-tensor': {
    what: 'Den Gewichten fehlt der Tensor {{tensor}}, den dieses Modell braucht.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'no-weights': {
    what: 'In {{folder}} liegen keine Gewichte als Safetensors.',
    next: 'Wähle einen Ordner mit config.json und Safetensors-Dateien oder suche das Modell nach seinem Namen.',
  },
  'not-a-folder': {
    what: '{{path}} ist eine Datei und kein Ordner.',
    next: 'Wähle den Ordner, in dem config.json und die Safetensors-Dateien liegen.',
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
    what: 'Die Unterhaltung hat {{characters}} Zeichen und weit mehr Tokens, als der Kontext dieses Modells fasst ({{contextTokens}}).',
    next: 'Kürze deine Nachricht, beginne einen neuen Chat oder erlaube in den Einstellungen einen längeren Kontext.',
  },
  'tensor-shape': {
    what: 'Der Tensor {{tensor}} hat die Form {{found}}; config.json verlangt {{expected}}.',
    next: 'Hole das Modell noch einmal oder wähle ein anderes.',
  },
  'tensor-type': {
    what: 'Der Tensor {{tensor}} ist als {{type}} gespeichert; dafür lässt sich das nicht verwenden.',
    next: 'Wähle ein anderes Modell.',
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
    next: 'Wähle ein anderes Modell.',
  },
  'unknown-architecture-similar': {
    what: 'Modelle der Art {{architecture}} kann Nibble noch nicht quantisieren oder ausführen, nur {{similar}}.',
    next: 'Wähle ein anderes Modell.',
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
};
