type Underscored<S extends string> = S extends `${infer A}-${infer B}`
  ? `${A}_${Underscored<B>}`
  : S;

/** The key of a text that belongs to a name with hyphens: `nf4-dq` has the texts of `nf4_dq`. */
export function textKey<S extends string>(name: S): Underscored<S> {
  return name.replaceAll('-', '_') as Underscored<S>;
}
