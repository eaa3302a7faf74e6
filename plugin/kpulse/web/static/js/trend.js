"use strict";
// Draws the large trend. Its data stand in the page as JSON; its words and its table are there without this script.
(() => {
  const LOOKS = [
    { colour: "--blue", width: 2.6, dash: [], band: true },
    { colour: "--second", width: 1.8, dash: [7, 4] },
    { colour: "--third", width: 1.8, dash: [2, 4] },
  ];
  const ROOM_FOR_LABELS = 150;
  let chart = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const percent = (share) => `${(share * 100).toFixed(share > 0 && share < 0.0195 ? 1 : 0)}%`;

  function say(data, at) {
    if (at === null || at === undefined) return "";
    const parts = data.series.map((line) => {
      const share = line.values[at];
      if (share === null) return null;
      return `${line.title} ${percent(share)} (${percent(line.low[at])} to ${percent(line.high[at])})`;
    }).filter(Boolean);
    const note = data.provisional[at] ? " – may still change" : "";
    return `${data.labels[at]}: ${parts.length ? parts.join(" · ") : "not read completely"}${note}`;
  }

  // Labels at the ends of the lines, moved apart where they would cover each other.
  function labelEnds(u, data, names) {
    const ratio = devicePixelRatio || 1;
    const ends = data.series.map((line, i) => {
      let at = line.values.length - 1;
      while (at >= 0 && line.values[at] === null) at -= 1;
      if (at < 0) return null;
      return { i, text: names[i], share: line.values[at], x: u.valToPos(at, "x", true), y: u.valToPos(line.values[at] * 100, "y", true) };
    }).filter(Boolean).sort((a, b) => a.y - b.y);
    const gap = 36 * ratio;
    ends.forEach((end, k) => { if (k && end.y - ends[k - 1].y < gap) end.y = ends[k - 1].y + gap; });
    const over = ends.length ? ends[ends.length - 1].y - (u.bbox.top + u.bbox.height) : 0;
    if (over > 0) ends.forEach((end) => { end.y -= over; });
    const ctx = u.ctx;
    ctx.save();
    ctx.textAlign = "left";
    for (const end of ends) {
      ctx.fillStyle = colour(LOOKS[end.i].colour);
      ctx.font = `600 ${15 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
      ctx.fillText(percent(end.share), u.bbox.left + u.bbox.width + 14 * ratio, end.y - 2 * ratio);
      ctx.font = `400 ${12.5 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
      ctx.fillText(end.text, u.bbox.left + u.bbox.width + 14 * ratio, end.y + 13 * ratio);
    }
    ctx.restore();
  }

  function drawPoints(u, data) {
    const ratio = devicePixelRatio || 1;
    const ctx = u.ctx;
    ctx.save();
    data.series.forEach((line, i) => line.values.forEach((share, at) => {
      if (share === null) return;
      ctx.beginPath();
      ctx.arc(u.valToPos(at, "x", true), u.valToPos(share * 100, "y", true), (i ? 3 : 4.2) * ratio, 0, 2 * Math.PI);
      ctx.fillStyle = data.provisional[at] ? colour("--card") : colour(LOOKS[i].colour);
      ctx.strokeStyle = colour(LOOKS[i].colour);
      ctx.lineWidth = 1.8 * ratio;
      ctx.fill();
      ctx.stroke();
    }));
    ctx.restore();
  }

  function drawLegend(place, data) {
    if (place.parentNode.querySelector(".legend")) return;
    const list = document.createElement("ul");
    list.className = "legend";
    const ns = "http://www.w3.org/2000/svg";
    data.series.forEach((line, i) => {
      const item = document.createElement("li");
      const svg = document.createElementNS(ns, "svg");
      const stroke = document.createElementNS(ns, "line");
      for (const [name, value] of Object.entries({ x1: 0, x2: 26, y1: 4, y2: 4, "stroke-width": LOOKS[i].width, "stroke-dasharray": LOOKS[i].dash.join(" ") })) stroke.setAttribute(name, value);
      stroke.style.stroke = `var(${LOOKS[i].colour})`;
      svg.append(stroke);
      item.append(svg, line.title);
      list.append(item);
    });
    place.before(list);
  }

  function options(place, data, isWide) {
    const top = Math.max(...data.series.flatMap((line) => line.high).filter((share) => share !== null)) * 100;
    const most = Math.min(100, Math.ceil((top + 2) / 10) * 10);
    const font = `${isWide ? 13 : 12}px ${getComputedStyle(document.body).fontFamily}`;
    const every = isWide ? 1 : 3;
    const axis = { stroke: colour("--soft"), font, ticks: { show: false } };
    return {
      width: place.clientWidth,
      height: place.clientHeight,
      padding: [14, isWide ? ROOM_FOR_LABELS : 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: false, range: (u, low, high) => [low - 0.15, high + 0.15] }, y: { range: [0, most] } },
      series: [
        {},
        ...data.series.map((line, i) => ({ label: line.title, stroke: () => colour(LOOKS[i].colour), width: LOOKS[i].width, dash: LOOKS[i].dash, points: { show: false }, spanGaps: false })),
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
      ],
      bands: [{ series: [data.series.length + 2, data.series.length + 1], fill: () => colour("--band") }],
      axes: [
        { ...axis, grid: { show: false }, splits: () => data.labels.map((_, at) => at).filter((at) => (data.labels.length - 1 - at) % every === 0), values: (u, at) => at.map((each) => { const [month, year] = data.labels[each].split(" "); return every > 1 ? `${month} ${year.slice(2)}` : each === 0 || month === "Jan" ? `${month}\n${year}` : month; }), size: 46, gap: 8 },
        { ...axis, grid: { stroke: colour("--rule"), width: 1 }, values: (u, at) => at.map((each) => `${each} %`), size: 54, incrs: [10, 20, 25, 50] },
      ],
      hooks: {
        draw: [(u) => { drawPoints(u, data); if (isWide) labelEnds(u, data, data.series.map((line) => line.title)); }],
        setCursor: [(u) => { document.getElementById("trend-readout").textContent = say(data, u.cursor.idx); }],
      },
    };
  }

  function draw() {
    const place = document.getElementById("trend");
    const source = document.getElementById("trend-data");
    if (!place || !source || !window.uPlot) return;
    if (chart) chart.destroy();
    const data = JSON.parse(source.textContent);
    const hundred = (shares) => shares.map((share) => (share === null ? null : share * 100));
    const columns = [data.labels.map((_, at) => at), ...data.series.map((line) => hundred(line.values)), hundred(data.series[0].low), hundred(data.series[0].high)];
    const isWide = place.clientWidth > 620;
    drawLegend(place, data);
    chart = new uPlot(options(place, data, isWide), columns, place);
    place.dataset.drawn = "yes";
  }

  let last = 0;
  new ResizeObserver(() => {
    const place = document.getElementById("trend");
    if (place && place.clientWidth !== last) { last = place.clientWidth; draw(); }
  }).observe(document.body);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); draw(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); draw(); });
  document.addEventListener("kpulse:new-page", draw);
  draw();
})();
