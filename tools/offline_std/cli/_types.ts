// Offline stand-in: what `parse_args.ts` infers from its options. Names with a
// dot are typed `unknown`; the genuine package types those too.

type Name = string | undefined;

/** Names of flags, several or one. */
export type Names<T extends Name> = T | ReadonlyArray<Extract<T, string>>;

/** Other names of flags, by name. */
export type Aliases = Partial<Record<string, string | readonly string[]>>;

/** Values of flags that are not given, by name. */
export type Defaults = Record<string, unknown>;

/** An intersection as one type. */
export type Flat<T> = T extends infer U ? { [K in keyof U]: U[K] } : never;

// The genuine package gives `any` as soon as no flag is declared.
// deno-lint-ignore no-explicit-any
type Untyped = Record<string, any>;

type Plain<T> = T extends string ? T extends `${string}.${string}` ? never : T
  : never;

type OrFalse<K, TNegatable> = K extends TNegatable ? false : never;

interface Declared {
  booleans: string;
  strings: string;
  collected: string;
  negatable: string;
}

type Flags<D extends Declared> =
  & {
    [K in Exclude<D["strings"], D["collected"] | D["booleans"]>]?:
      | string
      | OrFalse<K, D["negatable"]>;
  }
  & {
    [K in D["strings"] & D["collected"]]:
      | string[]
      | OrFalse<K, D["negatable"]>;
  }
  & { [K in Exclude<D["booleans"], D["collected"]>]: boolean }
  & { [K in D["booleans"] & D["collected"]]: boolean[] }
  & {
    [K in Exclude<D["collected"], D["booleans"] | D["strings"]>]:
      | unknown[]
      | OrFalse<K, D["negatable"]>;
  };

type WithDefaults<T, TDefaults> = TDefaults extends Defaults ?
    & Omit<T, keyof TDefaults>
    & {
      [K in keyof TDefaults]: K extends keyof T
        ? TDefaults[K] | NonNullable<T[K]>
        : unknown;
    }
  : T;

type WithAliases<T, TAliases> = {
  [K in keyof T as K | AliasesOf<K, TAliases>]: T[K];
};

type AliasesOf<K, TAliases> = K extends keyof TAliases
  ? TAliases[K] extends string ? TAliases[K]
  : TAliases[K] extends ReadonlyArray<infer T> ? Extract<T, string>
  : never
  : never;

/** The flags that a call to `parseArgs` may give. */
export type Values<
  TBooleans extends boolean | string | undefined,
  TStrings extends Name,
  TCollectable extends Name,
  TNegatable extends Name,
  TDefaults,
  TAliases,
> = [TBooleans, TStrings, TCollectable] extends
  [undefined | false, undefined, undefined] ? Untyped
  :
    & Record<string, unknown>
    & WithAliases<
      WithDefaults<
        Flags<{
          booleans: Plain<TBooleans>;
          strings: Plain<TStrings>;
          collected: Plain<TCollectable>;
          negatable: Plain<TNegatable>;
        }>,
        TDefaults
      >,
      TAliases
    >;

/** The arguments after `--`, if these are asked for. */
export type AfterDoubleDash<TDoubleDash> = [TDoubleDash] extends [true]
  ? { "--": string[] }
  : [TDoubleDash] extends [false | undefined] ? Record<never, never>
  : { "--"?: string[] };
