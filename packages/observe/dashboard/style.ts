/** The style of a dashboard's page, light and dark. */

export const STYLE: string = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f7fb, #11131a);
  --card: light-dark(#fff, #1a1d27);
  --line: light-dark(#dfe3ec, #2c3140);
  --text: light-dark(#1b1f2a, #e6e9f2);
  --quiet: light-dark(#596074, #9fa8bd);
  --accent: light-dark(#4f46e5, #a5a1ff);
  --soft: light-dark(#ecebfd, #292a4d);
  --bad: light-dark(#b42318, #ff9a8f);
  --badsoft: light-dark(#fdeceb, #45201d);
  --warn: light-dark(#8a5300, #f5c26b);
  --good: light-dark(#0b6b4a, #62d6a8);
  --shadow: 0 1px 2px light-dark(#1b1f2a14, #0006), 0 4px 16px light-dark(#1b1f2a0a, #0003);
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 14px/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%;
}
a { color: var(--accent); text-decoration: none; unicode-bidi: isolate; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.hidden, .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip:focus { position: absolute; z-index: 2; margin: 8px; padding: 8px 12px; background: var(--card); }
header, nav { background: var(--card); padding: 0 24px; display: flex; align-items: center; gap: 16px; }
header { padding-top: 12px; padding-bottom: 8px; flex-wrap: wrap; }
nav { border-bottom: 1px solid var(--line); gap: 4px; overflow-x: auto; position: sticky; top: 0; z-index: 1; }
nav a { padding: 9px 12px; color: var(--quiet); font-weight: 550; border-bottom: 2px solid transparent; white-space: nowrap; }
nav a:hover { color: var(--text); text-decoration: none; }
nav a:focus-visible { outline-offset: -3px; }
nav a[aria-current] { color: var(--accent); border-color: var(--accent); }
.badge { margin-left: 6px; padding: 1px 7px; border-radius: 9px; background: var(--bad); color: var(--card); font-size: 12px; }
.brand { display: flex; align-items: center; gap: 9px; margin: 0; font-weight: 680; font-size: 17px; letter-spacing: -.01em; }
.brand svg { fill: var(--accent); }
.brand path { fill: none; stroke: var(--accent); stroke-width: 1.4; }
.picker { display: flex; align-items: center; gap: 8px; color: var(--quiet); }
#status { margin: 0 0 0 auto; color: var(--quiet); max-width: 60ch; overflow-wrap: anywhere; }
#status::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: var(--good); }
#status.failed { color: var(--bad); }
#status.failed::before { background: var(--bad); }
button, select, input {
  font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 10px; min-height: 32px; max-width: 100%;
}
button { cursor: pointer; font-weight: 550; }
button:hover { border-color: var(--accent); }
button[aria-pressed="true"] { background: var(--soft); border-color: var(--accent); }
.danger { color: var(--bad); border-color: var(--bad); }
.danger:hover { background: var(--badsoft); border-color: var(--bad); }
main { padding: 20px 24px 48px; max-width: 1400px; margin: auto; display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; box-shadow: var(--shadow); min-width: 0; }
p.card { margin: 0; }
h2 { margin: 0 0 10px; font-size: 15px; font-weight: 650; overflow-wrap: anywhere; }
.loading, small, .count, dt { color: var(--quiet); }
small { font-size: 12px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 16px; }
.chart { margin: 0; padding: 14px 0 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); overflow: hidden; }
.chart figcaption { display: flex; flex-direction: column; padding: 0 16px; color: var(--quiet); }
.chart strong { color: var(--text); font-size: 21px; font-weight: 620; letter-spacing: -.02em; line-height: 1.3; font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: 56px; margin-top: 4px; }
.chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.6; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.chart polygon { fill: var(--soft); }
dl { margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.facts:is(dl) { display: flex; flex-wrap: wrap; gap: 6px 28px; padding: 2px 4px; }
.facts:is(dl) > div { display: flex; gap: 7px; }
.details { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 10px 24px; }
.details dt { font-size: 12px; }
.buttons { display: flex; gap: 8px; margin: 0 0 14px; justify-content: flex-start; }
.map { display: block; width: 100%; max-height: 380px; }
.map line { stroke: light-dark(#b9b5f5, #5d59a8); stroke-linecap: round; }
.map line.faint { stroke-opacity: .18; }
.map.many { max-height: none; max-width: 640px; margin: 0 auto; }
.map.many text { font-size: 14px; }
.map text.left { text-anchor: end; }
.map text.right { text-anchor: start; }
.cluster { display: flex; flex-wrap: wrap; gap: 16px; align-items: start; }
.cluster > .card { flex: 1 1 420px; max-width: 100%; }
.cluster > .card + .card { flex: 2 1 620px; }
.cluster td:first-child, .cluster td:last-child { white-space: nowrap; }
.cluster td:last-child small { display: block; min-width: 18ch; white-space: normal; }
.cluster th, .cluster td { padding: 6px; }
@media (max-width: 639px) { .map.many text { font-size: 12px; } }
.map line.queued { stroke: var(--warn); }
.map text:not(.letter) { paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.map text { text-anchor: middle; font-size: 13px; fill: var(--text); font-weight: 550; }
.map text.facts, .map text.traffic { fill: var(--quiet); font-size: 11.5px; font-weight: 400; }
.map circle { fill: var(--soft); stroke: var(--accent); stroke-width: 1.5; }
.map .letter { fill: var(--accent); font-weight: 700; }
.map .selected circle { fill: var(--accent); }
.map .selected .letter { fill: var(--card); }
.map .closed circle { fill: var(--card); stroke: var(--quiet); stroke-dasharray: 4 3; }
.map .closed .letter { fill: var(--quiet); }
.map a:hover circle { stroke-width: 3; }
.map a:focus-visible { outline: none; }
.map a:focus-visible circle { stroke-width: 4; stroke: var(--text); }
.scroll { overflow-x: auto; }
.scroll.card { padding: 4px 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; max-width: 40ch; overflow-wrap: break-word; unicode-bidi: isolate; }
tbody tr:last-child > * { border-bottom: 0; }
tbody tr:hover > * { background: light-dark(#f6f6fd, #20232f); }
thead th { color: var(--quiet); font-weight: 550; font-size: 12.5px; white-space: nowrap; vertical-align: middle; }
tbody th { font-weight: 550; }
tbody th small { display: block; font-weight: 400; }
th.number, td.number { text-align: right; white-space: nowrap; }
thead button { border: 0; padding: 0; min-height: 24px; background: none; font-weight: inherit; color: inherit; }
thead button:hover { color: var(--accent); text-decoration: underline; }
[aria-sort] { color: var(--accent); }
[aria-sort] button::after { content: " ↓"; }
tr.full td:nth-child(4) { color: var(--bad); font-weight: 650; }
#processes td:nth-child(3) { max-width: 28ch; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
.controls label { color: var(--quiet); }
.controls input { width: 240px; margin-right: 10px; }
.controls select { margin-right: 10px; }
.count { margin: 0 0 0 auto; }
.inline { display: flex; flex-wrap: wrap; gap: 2px 12px; margin: 0; padding: 0; list-style: none; }
.messages { margin: 0; padding-left: 24px; }
code, pre { font: 12.5px/1.55 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; unicode-bidi: isolate; }
pre { margin: 6px 0 0; padding: 10px 12px; background: var(--ground); border-radius: 8px; max-height: 420px; overflow: auto; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr)); gap: 16px; align-items: start; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.tree { display: flex; flex-direction: column; gap: 18px; padding: 4px; width: max-content; }
.tree li { display: flex; align-items: center; position: relative; }
.tree ul { padding-left: 44px; position: relative; }
.tree ul::before { content: ""; position: absolute; left: 0; top: 50%; width: 22px; border-top: 1.5px solid var(--line); }
.tree ul > li { padding: 4px 0; }
.tree ul > li::before { content: ""; position: absolute; left: -22px; top: 50%; width: 22px; border-top: 1.5px solid var(--line); }
.tree ul > li::after { content: ""; position: absolute; left: -22px; top: 0; bottom: 0; border-left: 1.5px solid var(--line); }
.tree ul > li:first-child::after { top: 50%; }
.tree ul > li:last-child::after { bottom: 50%; }
.box { display: flex; flex-direction: column; padding: 7px 12px; border: 1px solid var(--line); border-left: 4px solid var(--quiet); border-radius: 8px; background: var(--card); min-width: 130px; max-width: 260px; overflow-wrap: anywhere; line-height: 1.35; }
.box a { font-weight: 580; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
.box.supervisor { border-left-color: var(--accent); background: light-dark(#f8f8ff, #1e1f33); }
.box.worker { border-left-color: var(--good); }
.box.down { border-style: dashed; }
.box.more { border-left-width: 1px; color: var(--quiet); }
.restarts { color: var(--warn); font-weight: 600; }
.reason { color: var(--bad); display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }
.log { list-style: none; margin: 0; padding: 4px 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.log:empty::after { content: "No events"; display: block; padding: 10px 16px; color: var(--quiet); }
.log li { display: flex; gap: 10px; padding: 6px 16px; border-bottom: 1px solid var(--line); align-items: baseline; }
.log li:last-child { border-bottom: 0; }
.log time { color: var(--quiet); font-variant-numeric: tabular-nums; }
.log .message, .log details { flex: 1; min-width: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.log a, .level, .report { white-space: nowrap; }
.level, .report { font-size: 12px; padding: 0 7px; border-radius: 6px; background: var(--ground); color: var(--quiet); }
.level.warning { color: var(--warn); }
.level.error, .level.critical { color: var(--bad); background: var(--badsoft); }
summary { cursor: pointer; }
dialog { border: 1px solid var(--line); border-radius: 14px; background: var(--card); color: inherit; max-width: 440px; padding: 22px; box-shadow: var(--shadow); }
dialog::backdrop { background: #0008; }
dialog .buttons { margin: 16px 0 0; justify-content: flex-end; }
@media (max-width: 640px) {
  header, nav { padding-left: 14px; padding-right: 14px; }
  main { padding: 14px 14px 40px; }
  .charts { grid-template-columns: 1fr 1fr; gap: 10px; }
  .chart small { display: none; }
  .log li { flex-wrap: wrap; }
  .log .message, .log details { flex-basis: 100%; }
  .controls input { width: 100%; }
  #status { margin-left: 0; }
}
@media (prefers-reduced-motion: no-preference) { .map circle { transition: stroke-width .15s; } }
`;
