import type { home as english } from '../en/home.ts';
import type { Texts } from '../translated.ts';

export const home: Texts<typeof english> = {
  title: 'Start',
  welcome: {
    title: 'Sprachmodelle, passend gemacht für diesen Computer',
    text: 'Nibble lädt ein Modell herunter, macht gleich hier eine kleinere Fassung daraus und zeigt dir, was das gekostet hat. Nichts, was du schreibst, verlässt diesen Computer.',
    get: 'Modell holen',
    sample: 'Beispielmodell ausprobieren',
    sampleHint: 'Das Beispiel ist klein und liegt Nibble bei: kein Netz, etwa eine Minute.',
  },
  computer: {
    title: 'Was auf diesen Computer passt',
    short: 'Dieser Computer',
    processor: 'Prozessor',
    cores_one: '{{count}} Kern',
    cores_other: '{{count}} Kerne',
    memory: 'Speicher',
    memoryFree: '{{total}}, {{free}} frei',
    disk: 'Datenträger',
    diskFree: '{{free}} frei',
    gpu: 'Grafikkarte',
    gpuNone: 'keine gefunden, der Prozessor rechnet',
    gpuMemory: '{{name}}, {{memory}}',
    problems: 'Was Nibble an diesem Computer aufgefallen ist',
    chart: 'Größtes Modell, das gut läuft',
    billions: '{{size}}\u202fMrd.',
    chartHint:
      'Parameter, die zusammen mit {{tokens}} Token Kontext in 70 % des Speichers passen. Die Marken zeigen übliche Größen.',
    upTo: 'bis {{parameters}}',
    upToFull: '{{bits}}: Modelle mit bis zu {{parameters}} Parametern',
    failed: 'Dieser Computer ließ sich nicht untersuchen.',
  },
  start: {
    title: 'Weitermachen',
    chat: 'Mit {{name}} chatten',
    chatHint: 'Das zuletzt benutzte Modell',
    chatHintNew: 'Dein neuestes Modell',
    compare: 'Zwei Fassungen vergleichen',
    compareHint: '{{a}} und {{b}}',
    compareNone: 'Dazu braucht es zwei Fassungen: Erstelle erst noch eine',
    get: 'Weiteres Modell holen',
    getHint: 'Im Hub suchen oder einen Ordner verwenden',
  },
  chats: {
    title: 'Letzte Chats',
    empty: 'Noch keine Chats. Worüber ihr sprecht, bleibt auf diesem Computer.',
    all: 'Alle Chats',
  },
  jobs: {
    title: 'In Arbeit',
    all: 'Alle Aufgaben',
  },
  models: {
    title: 'Neueste Modelle',
    all: 'Bibliothek',
    offline: 'Datenträger nicht verbunden',
    chat: 'Chatten',
    chatWith: 'Mit {{name}} chatten',
  },
};
