/// The report's looks: light, dark, narrow and printed.
enum ReportStyle {
    static let css = """
        :root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #17202b; --soft: #5b6775;
          --line: #dfe4ea; --hit: #12805c; --hit-soft: #d9f0e6; --miss: #b9c1cb; --accent: #2457c5; --gold: #a66a00;
          --gold-soft: #fdf1d8; --bad: #b3362b; }
        @media (prefers-color-scheme: dark) { :root { --page: #10151b; --card: #19212a; --ink: #e8edf2;
          --soft: #9aa7b5; --line: #2c3743; --hit: #3fbf8f; --hit-soft: #173a2d; --miss: #556270; --accent: #7ea6ff;
          --gold: #e6b14f; --gold-soft: #3a2e14; --bad: #f0877c; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
        main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
        h1 { font-size: 34px; line-height: 1.15; margin: 6px 0 10px; letter-spacing: -0.02em; text-wrap: balance; }
        h2 { font-size: 22px; margin: 48px 0 4px; letter-spacing: -0.01em; }
        h3 { font-size: 17px; margin: 0; } h4 { font-size: 14px; margin: 22px 0 8px; color: var(--soft); }
        p { margin: 0 0 12px; } .soft { color: var(--soft); } .lead { color: var(--soft); max-width: 78ch; text-wrap: pretty; }
        .eyebrow { color: var(--soft); font-size: 14px; font-weight: 600; }
        .badge { display: inline-block; padding: 2px 10px; border-radius: 999px; font-size: 13px; font-weight: 600;
          background: var(--hit-soft); color: var(--hit); white-space: nowrap; }
        .badge.gold { background: var(--gold-soft); color: var(--gold); }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 22px 24px;
          margin: 16px 0; break-inside: avoid-page; }
        .grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }
        .grid .card { margin: 0; padding: 18px 20px; }
        .small { grid-template-columns: repeat(auto-fill, minmax(min(176px, 44%), 1fr)); gap: 18px 20px; }
        .pair { grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); }
        .tiles { display: grid; gap: 12px; margin: 22px 0 0;
          grid-template-columns: repeat(auto-fit, minmax(min(150px, 45%), 1fr)); }
        .tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 12px 16px; }
        .card .tile { background: none; padding: 8px 14px; }
        .tile b { display: block; font-size: 22px; letter-spacing: -0.01em; line-height: 1.25; }
        .tile span { color: var(--soft); font-size: 13px; }
        .card .tile b { font-size: 19px; }
        .head { display: flex; gap: 6px 12px; align-items: baseline; flex-wrap: wrap; margin-bottom: 14px; }
        .head .score { margin-left: auto; font-size: 15px; color: var(--soft); }
        .head .score b { font-size: 26px; color: var(--ink); letter-spacing: -0.02em; }
        .two { display: grid; gap: 8px 36px; grid-template-columns: repeat(auto-fit, minmax(min(330px, 100%), 1fr)); }
        .tile, td, .num, svg text, .head { font-variant-numeric: tabular-nums; }
        svg { display: block; width: 100%; height: auto; overflow: visible; }
        svg .halo { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
        svg text { fill: var(--soft); font-size: 12px; } svg .strong { fill: var(--ink); font-weight: 600; }
        table { border-collapse: collapse; width: 100%; font-size: 14px; }
        .wide { overflow-x: auto; }
        th { text-align: left; color: var(--soft); font-weight: 600; padding: 4px 12px 4px 0; white-space: nowrap; }
        td { padding: 5px 12px 5px 0; border-top: 1px solid var(--line); vertical-align: top; }
        th.num, td.num { text-align: right; white-space: nowrap; } th:last-child, td:last-child { padding-right: 0; }
        tr.chosen td { background: var(--gold-soft); } tr.sum td { font-weight: 600; }
        .members { list-style: none; margin: 0; padding: 0; }
        .members li { padding: 8px 0; border-top: 1px solid var(--line); }
        .members li:first-child { border-top: 0; }
        .members b { margin-right: 8px; } .members code { color: var(--soft); font-size: 13px; }
        .members span { display: block; color: var(--soft); font-size: 14.5px; }
        .day { display: grid; grid-template-columns: 132px 1fr; gap: 4px 16px; padding: 8px 0;
          border-top: 1px solid var(--line); font-size: 14px; }
        .day:first-of-type { border-top: 0; }
        .chips { display: flex; flex-wrap: wrap; gap: 4px; align-content: start; } .day b { display: block; }
        .chip { font-size: 12.5px; padding: 1px 7px; border-radius: 6px; border: 1px solid var(--line);
          color: var(--soft); font-variant-numeric: tabular-nums; }
        .chip.hit { background: var(--hit-soft); border-color: transparent; color: var(--hit); font-weight: 600; }
        pre { background: var(--page); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px;
          margin: 0 0 14px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; font-size: 14px; }
        dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; color: var(--soft); margin-top: 8px; }
        .legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px;
          vertical-align: -1px; }
        .term { display: grid; grid-template-columns: 1fr 64px; gap: 2px 12px; font-size: 13.5px; padding: 2px 0; }
        .term .num { text-align: right; }
        .bar { grid-column: 1 / 3; height: 4px; border-radius: 2px; background: var(--hit); }
        .bar.minus { background: var(--bad); }
        footer { margin-top: 40px; color: var(--soft); font-size: 13px; }
        @media (max-width: 600px) { main { padding: 22px 14px 40px; } h1 { font-size: 27px; }
          .card { padding: 16px; border-radius: 12px; } .day { grid-template-columns: 1fr; }
          dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
          .head .score { margin-left: 0; width: 100%; }
          .picture { overflow-x: auto; } .picture svg { min-width: 680px; } }
        @media print { :root { color-scheme: light; --page: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444;
          --line: #cccccc; --hit: #0b6b4b; --hit-soft: #e3f3ec; --miss: #aaaaaa; --accent: #1d4bb0; --gold: #7d5000;
          --gold-soft: #fbf0d9; --bad: #9c2b21; } body { font-size: 12px; -webkit-print-color-adjust: exact;
          print-color-adjust: exact; } main { max-width: none; padding: 0; } h2 { break-after: avoid; } }
        """
}
