import { AppError } from '../../contract/error.ts';
import type { Decoder, HeadNorm, Matrix, Norm, RmsNorm } from '../../models/index.ts';
import type { NamedMatrix, PlanNode } from './plan.ts';

/** What every part of a plan is made with. */

/**
 * The matrix that holds others one after the other; null where each is stored by itself. One product with it costs what
 * theirs would, and its codes stay as they are, whatever their blocks.
 */
function wholeOf(parts: readonly Matrix[]): Matrix | null {
  const [first] = parts;
  if (first?.within === undefined) return null;
  const { total, groups = 1 } = first.within;
  let end = 0;
  for (const { outFeatures, within } of parts) {
    const isNext = within?.first === end && within.total === total;
    if (!isNext || (within.groups ?? 1) !== groups)
      throw new AppError('internal', `The parts of ${first.module} do not follow each other.`);
    end += outFeatures / groups;
  }
  if (end !== total) throw new AppError('internal', `The parts of ${first.module} leave rows out.`);
  const { module, inFeatures, bias } = first;
  return { module, inFeatures, outFeatures: total * groups, bias };
}

/** As many matrices as one operator multiplies with one input. */
const MAX_FUSED = 3;

/** Parts by the module that holds them, in the order of its rows. */
function byModule(parts: readonly NamedMatrix[]): NamedMatrix[][] {
  const modules = new Map<string, NamedMatrix[]>();
  for (const part of parts) {
    const others = modules.get(part.module);
    if (others === undefined) modules.set(part.module, [part]);
    else others.push(part);
  }
  const start = ({ within }: NamedMatrix): number => within?.first ?? 0;
  return [...modules.values()].map((own) => own.toSorted((a, b) => start(a) - start(b)));
}

/** Collects nodes; every method adds one and returns the name of what it computes. */
export class Walk {
  readonly nodes: PlanNode[] = [];
  readonly decoder: Decoder;

  constructor(decoder: Decoder) {
    this.decoder = decoder;
  }

  norm(name: string, input: string, norm: Norm | null, width: number): string {
    if (norm === null) return input;
    this.nodes.push(
      norm.kind === 'rms'
        ? { op: 'rms-norm', name, input, norm, width }
        : { op: 'layer-norm', name, input, norm, width },
    );
    return name;
  }

  /** A norm over all heads, or a layer norm of each; one that attention computes itself is left to it. */
  headNorm(
    name: string,
    input: string,
    norm: HeadNorm | null,
    heads: number,
    head: number,
  ): string {
    if (norm === null || attentionsNorm(norm) !== null) return input;
    if (norm.kind === 'rms') return this.norm(name, input, norm, heads * head);
    this.nodes.push({ op: 'layer-norm', name, input, norm, width: heads * head, heads });
    return name;
  }

  linear(name: string, input: string, matrix: Matrix): string {
    this.nodes.push({ op: 'linear', name, input, parts: [{ ...matrix, name }] });
    return name;
  }

  linears(name: string, input: string, parts: readonly NamedMatrix[]): string[] {
    const modules = byModule(parts);
    const wholes = modules.map(([first, ...others]) =>
      first === undefined ? null : wholeOf([first, ...others]),
    );
    const products = modules.flatMap((own, i): NamedMatrix[] => {
      const whole = wholes[i] ?? null;
      const product = modules.length === 1 ? name : (own[0]?.name ?? name);
      return whole === null ? own : [{ ...whole, name: `${product}.product` }];
    });
    for (let i = 0; i < products.length; i += MAX_FUSED) {
      const fused = products.slice(i, i + MAX_FUSED);
      const isAlone = modules.length === 1 && wholes[0] !== null;
      const node = isAlone ? (fused[0]?.name ?? name) : i === 0 ? name : `${name}.${i}`;
      this.nodes.push({ op: 'linear', name: node, input, parts: fused });
    }
    modules.forEach((own, i) => {
      if ((wholes[i] ?? null) === null) return;
      const product = modules.length === 1 ? name : (own[0]?.name ?? name);
      this.nodes.push({
        op: 'split',
        name: `${product}.split`,
        input: `${product}.product`,
        groups: own[0]?.within?.groups ?? 1,
        parts: own.map((part) => ({ name: part.name, width: part.outFeatures })),
      });
    });
    return parts.map((part) => part.name);
  }

  multiplied(name: string, a: string, b: string): string {
    this.nodes.push({ op: 'multiply', name, a, b });
    return name;
  }

  concat(name: string, inputs: readonly string[]): string {
    const [only = ''] = inputs;
    if (inputs.length < 2) return only;
    this.nodes.push({ op: 'concat', name, inputs });
    return name;
  }

  wanted(name: string, input: string): string {
    this.nodes.push({ op: 'wanted-rows', name, input });
    return name;
  }

  scaled(name: string, input: string, factor: number): string {
    if (factor === 1) return input;
    this.nodes.push({ op: 'scale', name, input, factor });
    return name;
  }
}

/** An RMS norm of every head is attention's own; all others are nodes. */
export function attentionsNorm(norm: HeadNorm | null): RmsNorm | null {
  return norm?.kind === 'rms' && norm.extent === 'head' ? norm : null;
}
