/**
 * The report's whole style. Colours of the schemes are of the set of Okabe and Ito (https://jfly.uni-koeln.de/color/),
 * which colour-blind people tell apart; of its two oranges and two blues each page takes the one that stands out by 3:1
 * from its background. Words never carry those colours, so that all text keeps at least 4.5:1.
 */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --page: #f7f8fa; --card: #ffffff; --line: #d9dee5; --text: #1b2129; --quiet: #55606d;
  --bits-16: #5f6b76; --bits-8: #0072b2; --bits-4: #d55e00; --mark: #ffe9a8; --mark-text: #1b2129;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --card: #1c2229; --line: #353e49; --text: #e7ebf0; --quiet: #a3adb9;
    --bits-16: #a7b0ba; --bits-8: #56b4e9; --bits-4: #e69f00; --mark: #6b5413; --mark-text: #fff6dc;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 32px 24px; background: var(--page); color: var(--text);
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-variant-numeric: tabular-nums;
}
main, header, footer { max-width: 1280px; margin: 0 auto; }
h1 { font-size: 24px; line-height: 1.3; font-weight: 600; margin: 0 0 4px; }
h2 { font-size: 17px; font-weight: 600; margin: 40px 0 12px; }
h3 { font-size: 15px; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
p { margin: 0 0 8px; }
.quiet { color: var(--quiet); font-size: 13px; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; min-width: 0;
}
.prompt, .answer { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.questions { margin-top: 16px; }
.said + .said { margin-top: 12px; }
.label { display: block; color: var(--quiet); font-size: 12px; }
.columns { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); }
.column { border-top: 4px solid var(--bits); }
.bits-16 { --bits: var(--bits-16); } .bits-8 { --bits: var(--bits-8); } .bits-4 { --bits: var(--bits-4); }
.scheme { display: inline-flex; align-items: center; gap: 6px; font-size: 13px; font-weight: 600; }
.swatch { width: 10px; height: 10px; fill: var(--bits); flex: none; }
.facts { margin: 8px 0 16px; padding-bottom: 12px; border-bottom: 1px solid var(--line); color: var(--quiet); font-size: 13px; }
code { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
mark { background: var(--mark); color: var(--mark-text); border-radius: 3px; padding: 1px 2px; font-weight: 600; }
.pair { display: grid; gap: 16px 32px; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); }
.pair + .pair, .card + .card.divergence { margin-top: 16px; }
.divergence > p { margin-bottom: 16px; }
.wide { overflow-x: auto; padding: 0; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
caption { text-align: left; font-weight: 600; padding: 0 0 6px; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { color: var(--quiet); font-size: 12px; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }
.wide th, .wide td { padding: 8px 16px; }
.chart td, .chart th { vertical-align: middle; padding: 3px 12px 3px 0; }
.chart .bar { width: 50%; padding-right: 0; }
.chart svg { display: block; width: 100%; height: 12px; }
.chart rect.track { fill: var(--line); opacity: .5; } .chart rect.share { fill: var(--bits); }
.chosen th, .chosen td { font-weight: 600; }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid var(--line); }
@media print {
  :root {
    color-scheme: light; --page: #fff; --card: #fff; --line: #c4cad2; --text: #000; --quiet: #444;
    --bits-16: #5f6b76; --bits-8: #0072b2; --bits-4: #d55e00; --mark: #ffe9a8; --mark-text: #000;
  }
  body { padding: 0; font-size: 11pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, .chart, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; }
}
`;
