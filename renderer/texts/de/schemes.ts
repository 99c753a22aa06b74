import type { schemes as english } from '../en/schemes.ts';
import type { Texts } from '../translated.ts';

export const schemes: Texts<typeof english> = {
  formats: {
    bf16: {
      label: '16 Bit',
      explanation: 'Die Gewichte, wie sie veröffentlicht wurden: der Maßstab für alle anderen.',
    },
    llm_int8: {
      label: 'LLM.int8',
      explanation:
        'Acht Bit je Gewicht mit einem Faktor je Zeile; die wenigen sehr großen Aktivierungsspalten werden in voller Genauigkeit gerechnet.',
    },
    int8_absmax: {
      label: 'int8 absmax',
      explanation:
        'Acht Bit je Gewicht, symmetrisch: Der größte Betrag einer Zeile oder eines Blocks wird zu 127.',
    },
    int8_zeropoint: {
      label: 'int8 Nullpunkt',
      explanation:
        'Acht Bit je Gewicht, asymmetrisch: Der kleinste Wert einer Zeile oder eines Blocks wird zu −128, der größte zu 127.',
    },
    nf4: {
      label: 'NF4',
      explanation:
        'Vier Bit je Gewicht, mit sechzehn Stufen dort, wo normalverteilte Gewichte dicht liegen.',
    },
    nf4_dq: {
      label: 'NF4 + DQ',
      explanation:
        'NF4, dessen Faktoren selbst in acht Bit gespeichert sind (doppelte Quantisierung). Die kleinste gute 4-Bit-Fassung.',
    },
    fp4: { label: 'FP4', explanation: 'Vier Bit je Gewicht als winzige Gleitkommazahl.' },
    fp4_dq: {
      label: 'FP4 + DQ',
      explanation:
        'FP4, dessen Faktoren selbst in acht Bit gespeichert sind (doppelte Quantisierung).',
    },
    int4: {
      label: 'int4',
      explanation:
        'Vier Bit je Gewicht, gleichmäßige Stufen zwischen dem kleinsten und dem größten Wert eines Blocks.',
    },
  },
  newer: 'Von einem neueren Nibble gemacht. Aktualisiere Nibble, um es zu benutzen.',
  bits: { b16: '16 Bit', b8: '8 Bit', b4: '4 Bit' },
  terms: {
    bitsPerWeight: {
      term: 'Bits je Gewicht',
      explanation:
        'Was ein Gewicht auf der Platte und im Speicher kostet, Faktoren eingeschlossen. Veröffentlicht werden 16.',
    },
    sqnr: {
      term: 'SQNR',
      explanation:
        'Signal zu Quantisierungsrauschen: wie viel stärker die Gewichte sind als der Fehler, den das Runden macht. 6 dB mehr halbieren den Fehler.',
    },
    perplexity: {
      term: 'Perplexität',
      explanation:
        'Wie sehr echter Text das Modell überrascht, als wählte es jedes Mal unter so vielen Wörtern. Kleiner ist besser; nur am selben Text vergleichbar.',
    },
    kl: {
      term: 'KL-Divergenz',
      explanation:
        'Wie weit sich die Vorhersagen vom 16-Bit-Modell entfernt haben, im Mittel je Token. 0 heißt: gar nicht.',
    },
    agreement: {
      term: 'Übereinstimmung',
      explanation:
        'Wie oft diese Fassung dasselbe nächste Token für das wahrscheinlichste hält wie das 16-Bit-Modell.',
    },
    absmax: {
      term: 'absmax',
      explanation:
        'Der größte Betrag in einem Block von Gewichten. Alle Gewichte des Blocks werden als Anteile davon gespeichert.',
    },
    blockSize: {
      term: 'Blockgröße',
      explanation:
        'Wie viele benachbarte Gewichte sich einen Faktor teilen. Kleinere Blöcke passen besser und kosten etwas Platz.',
    },
    outputLayer: {
      term: 'Ausgabeschicht',
      explanation:
        'Die letzte Schicht (lm_head, oft dieselbe wie die Einbettungen) macht aus dem, was das Modell gerechnet hat, eine Wertung für jedes Token. Jedes Token liest sie ganz.',
    },
    contextLength: {
      term: 'Kontext',
      explanation: 'Wie viele Token des Gesprächs das Modell auf einmal sehen kann.',
    },
    temperature: {
      term: 'Temperatur',
      explanation:
        'Wie frei das nächste Token gezogen wird: 0 nimmt immer das wahrscheinlichste, 1 folgt den Chancen des Modells.',
    },
    topK: {
      term: 'Top k',
      explanation: 'Nur unter so vielen wahrscheinlichsten Token ziehen. 0 schaltet es ab.',
    },
    topP: {
      term: 'Top p',
      explanation:
        'Nur unter den wahrscheinlichsten Token ziehen, die zusammen diese Wahrscheinlichkeit haben. 1 schaltet es ab.',
    },
    minP: {
      term: 'Min p',
      explanation:
        'Token weglassen, die unwahrscheinlicher sind als dieser Anteil des wahrscheinlichsten. 0 schaltet es ab.',
    },
    repetitionPenalty: {
      term: 'Wiederholungsstrafe',
      explanation: 'Macht schon benutzte Token unwahrscheinlicher. 1 schaltet es ab.',
    },
    seed: {
      term: 'Startwert',
      explanation:
        'Derselbe Startwert, dasselbe Modell und dieselben Einstellungen geben denselben Text.',
    },
    ttft: {
      term: 'Zeit bis zum ersten Token',
      explanation: 'Vom Senden der Frage bis zum ersten Token der Antwort.',
    },
    weightsHash: {
      term: 'Fingerabdruck der Gewichte',
      explanation:
        'Benennt alle beteiligten Gewichte: Ändert sich ein einziges Bit, ist es ein anderer. Er wird aus SHA-256 gebildet, ist aber nicht, was sha256sum ausgibt.',
    },
  },
  quality: {
    indistinguishable: 'nicht zu unterscheiden',
    slight: 'gering',
    noticeable: 'merklich',
    strong: 'stark',
  },
};
