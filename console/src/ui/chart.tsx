// A time series by uPlot, loaded only where one is shown. The figures stand in words beside it: a canvas says nothing to
// a screen reader.

import { useEffect, useRef } from 'preact/hooks';
import { useCell } from '../lib/cell';
import { roughly, usdAxis, usdWhole } from '../lib/money';
import { clockAxis, zone } from '../lib/time';
import type { Ms, Usd } from '../api/types';
import { theme } from './shell';

export function SeriesChart({ series, limit, label }: { series: readonly [Ms, Usd][]; limit: Usd | null; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const look = useCell(theme);
  const where = useCell(zone);
  useEffect(() => {
    const element = box.current;
    if (!element || series.length < 2) return undefined;
    let plot: { destroy(): void; setSize(size: { width: number; height: number }): void } | undefined;
    let isHere = true;
    const resize = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: 150 }));
    void Promise.all([import('uplot'), import('uplot/dist/uPlot.min.css')]).then(([{ default: UPlot }]) => {
      if (!isHere) return;
      const style = getComputedStyle(element);
      const colour = (name: string) => style.getPropertyValue(name).trim();
      const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 }, font: '12px system-ui' };
      const most = roughly(limit);
      plot = new UPlot({
        width: element.clientWidth, height: 150, cursor: { y: false }, legend: { show: false },
        ...(where === 'UTC' ? { tzDate: (seconds: number) => UPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC') } : {}),
        scales: { y: { range: (_, __, high) => [0, Math.max(high, most) * 1.05 || 1] } },
        axes: [{ ...axis, size: 30, space: 72, values: (_, ticks) => clockAxis(ticks.map((at) => at * 1_000)) }, { ...axis, size: 58, space: 32, values: (_, ticks) => ticks.map(usdAxis) }],
        series: [{}, { stroke: colour('--blue'), width: 2, fill: colour('--bluesoft'), points: { show: false }, ...(UPlot.paths.stepped ? { paths: UPlot.paths.stepped({ align: 1 }) } : {}) }, { stroke: colour('--red'), width: limit === null ? 0 : 1.5, dash: [6, 4], points: { show: false } }],
      }, [series.map(([at]) => at / 1_000), series.map(([, value]) => roughly(value)), series.map(() => (limit === null ? null : most))], element);
      resize.observe(element);
    });
    return () => { isHere = false; resize.disconnect(); plot?.destroy(); };
  }, [series, limit, look, where]);
  const last = series.at(-1);
  if (series.length < 2) return <p class="dim">Nothing has left yet that would make a chart.</p>;
  return <div class="chart" ref={box} role="img" aria-label={`${label}, over time: the newest ${usdWhole(last?.[1])}, the limit ${usdWhole(limit)}`} />;
}
