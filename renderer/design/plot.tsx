import type * as PlotModule from '@observablehq/plot';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Skeleton } from './skeleton.tsx';
import { FailureNote } from '../errors/error-note.tsx';
import { formatFigure, withMinus } from '../texts/format.ts';

export type Plot = typeof PlotModule;

let loading: Promise<Plot> | null = null;
/** Reads the chart library when the first chart is drawn; a failed reading is tried again by the next one. */
function loadPlot(): Promise<Plot> {
  loading ??= import('@observablehq/plot').catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** The chart library, null until it is read. */
export function usePlot(): { readonly plot: Plot | null; readonly failure: unknown } {
  const [plot, setPlot] = useState<Plot | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    let here = true;
    loadPlot().then(
      (read) => {
        // As a function: the module is not an updater.
        if (here) setPlot(() => read);
      },
      (error: unknown) => {
        if (here) setFailure(error);
      },
    );
    return () => {
      here = false;
    };
  }, []);
  return { plot, failure };
}

/** Significant figures of a number on an axis: enough for channel 14,335. */
const AXIS_DIGITS = 5;
/** Below this a chart is not read any more, in pixels: it scrolls instead. */
const LEAST_WIDTH = 240;

/** The width of an element as it changes, in whole pixels; 0 until it is known. */
export function useWidth(): {
  readonly ref: (node: HTMLElement | null) => () => void;
  readonly width: number;
} {
  const [width, setWidth] = useState(0);
  const [ref] = useState(() => (node: HTMLElement | null) => {
    if (node === null) return () => undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined && entry.contentRect.width > 0)
        setWidth(Math.max(LEAST_WIDTH, Math.floor(entry.contentRect.width)));
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
    };
  });
  return { ref, width };
}

export interface PlotPictureProps {
  /** Said aloud instead of the picture. */
  readonly label: string;
  /** In pixels. */
  readonly height: number;
  /** What to draw; must stay the same function while nothing changes. Colours as CSS variables follow the theme. */
  readonly options: (plot: Plot, width: number) => PlotModule.PlotOptions;
  readonly className?: string;
}

/** A number on an axis in the person's language; everything else as it is. */
function axisMark(value: unknown): string {
  return typeof value === 'number' ? withMinus(formatFigure(value, AXIS_DIGITS)) : String(value);
}

/** An SVG by Observable Plot as wide as its container. */
export function PlotPicture({ label, height, options, className }: PlotPictureProps): ReactNode {
  const { plot, failure } = usePlot();
  const { ref, width } = useWidth();
  const stage = useRef<HTMLDivElement>(null);
  const isReady = plot !== null && width > 0;
  useEffect(() => {
    if (plot === null || width === 0) return undefined;
    const drawn = options(plot, width);
    const svg = plot.plot({
      width,
      height,
      className: 'plot',
      ...drawn,
      x: { tickFormat: axisMark, ...drawn.x },
      y: { tickFormat: axisMark, ...drawn.y },
    });
    // Its stylesheet would be refused by the content security policy; chart.css holds the same rules.
    svg.querySelector('style')?.remove();
    // A picture has one name; names of its groups are not allowed without a role of theirs.
    for (const group of svg.querySelectorAll('g[aria-label]')) group.removeAttribute('aria-label');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
    stage.current?.replaceChildren(svg);
    return () => {
      svg.remove();
    };
  }, [plot, width, height, options, label]);
  if (failure !== null) return <FailureNote failure={failure} />;
  return (
    <div ref={ref} className={`plot-holder ${className ?? ''}`}>
      {isReady ? null : <Skeleton height={height} />}
      <div ref={stage} />
    </div>
  );
}
