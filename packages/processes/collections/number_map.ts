/**
 * Values by number, without garbage: processes, aliases, and the monitors of other nodes.
 *
 * A `Map` whose entries come and go allocates another table every few entries. With 100 live entries, adding, finding
 * three times and removing an entry takes 120 to 200 ns in a `Map`, and 25 to 47 here (row `calls`). An old table of
 * a `Map` also keeps its processes through collections of young objects: a start to exit took 15 % longer (row
 * `spawn_many`).
 */

/** The initial number of slots, as a power of two. */
const FIRST_BITS = 4;

/**
 * A table does not shrink below this number of slots, 8 kB: entries often come and go by the hundred, and resizing took
 * 4 % of the time of a server with 100 callers (row `calls`).
 */
const KEPT_BITS = 9;

/** The golden ratio of 32 bits: its multiples, and so consecutive numbers, are spread evenly. */
const SPREAD = 0x9e3779b1;

/** Secrets of this program; the second and the fourth are factors, and so odd. */
const SECRETS = crypto.getRandomValues(new Uint32Array(4))
  .map((secret, i) => i % 2 === 1 ? secret | 1 : secret);
const [LOW_MASK, LOW_FACTOR, HIGH_MASK, FACTOR] = SECRETS;

/**
 * Hashes a number that a peer has chosen. Without the secrets, a peer cannot choose many numbers for one slot, which
 * each search would pass. The upper bits of a product with a secret odd factor collide like random bits.
 */
function secretHash(number: number): number {
  let hash = Math.imul(number ^ LOW_MASK, LOW_FACTOR);
  hash ^= hash >>> 15;
  return Math.imul(hash ^ (number / 2 ** 32) ^ HIGH_MASK, FACTOR);
}

/** The number of a free slot. */
const FREE = 0;

/** An open hash table. A number, which is not 0, is in the slot of its hash, or in a following slot without a gap. */
export class NumberMap<V> {
  #numbers: number[] = [];
  #values: (V | undefined)[] = [];
  #mask = 0;
  #shift = 0;
  #size = 0;
  readonly #isChosen: boolean;

  /** Creates an empty table; set `isChosen` if peers choose the numbers. */
  constructor(isChosen = false) {
    this.#isChosen = isChosen;
    this.#resize(FIRST_BITS);
  }

  get size(): number {
    return this.#size;
  }

  get(number: number): V | undefined {
    const at = this.#find(number);
    return this.#numbers[at] === FREE ? undefined : this.#values[at];
  }

  set(number: number, value: V): void {
    let at = this.#find(number);
    if (this.#numbers[at] === FREE) {
      // At most half the slots are full, so that a search ends soon.
      if (2 * ++this.#size > this.#numbers.length) {
        this.#resize(33 - this.#shift);
        at = this.#find(number);
      }
      this.#numbers[at] = number;
    }
    this.#values[at] = value;
  }

  delete(number: number): boolean {
    const numbers = this.#numbers;
    const values = this.#values;
    const mask = this.#mask;
    let free = this.#find(number);
    if (numbers[free] === FREE) return false;
    // Move displaced entries up, because a search ends at the first free slot.
    for (let at = (free + 1) & mask;; at = (at + 1) & mask) {
      const each = numbers[at];
      if (each === FREE) break;
      const own = this.#slot(each);
      if (((at - own) & mask) < ((at - free) & mask)) continue;
      numbers[free] = each;
      values[free] = values[at];
      free = at;
    }
    numbers[free] = FREE;
    values[free] = undefined;
    this.#size--;
    if (32 * this.#size < numbers.length && this.#shift < 32 - KEPT_BITS) {
      this.#resize(Math.max(29 - this.#shift, KEPT_BITS));
    }
    return true;
  }

  /** Returns the numbers, in order. */
  keys(): number[] {
    return this.#numbers.filter((number) => number !== FREE)
      .sort((one, other) => one - other);
  }

  /** Returns the values, in the order of their numbers. */
  values(): V[] {
    return this.keys().map((number) => this.get(number)!);
  }

  /** Returns the values, in any order. */
  unordered(): V[] {
    return this.#values.filter((value) => value !== undefined);
  }

  #slot(number: number): number {
    return (this.#isChosen ? secretHash(number) : Math.imul(number, SPREAD)) >>>
      this.#shift;
  }

  /** Returns the slot of a number, or the free slot for it. */
  #find(number: number): number {
    const numbers = this.#numbers;
    // The same as `#slot`, whose call would take as long as the search until V8 inlines it.
    let at =
      (this.#isChosen ? secretHash(number) : Math.imul(number, SPREAD)) >>>
      this.#shift;
    let each = numbers[at];
    while (each !== FREE && each !== number) {
      each = numbers[at = (at + 1) & this.#mask];
    }
    return at;
  }

  #resize(bits: number): void {
    const numbers = this.#numbers;
    const values = this.#values;
    this.#numbers = new Array(1 << bits).fill(FREE);
    this.#values = new Array(1 << bits).fill(undefined);
    this.#mask = (1 << bits) - 1;
    this.#shift = 32 - bits;
    for (let from = 0; from < numbers.length; from++) {
      if (numbers[from] === FREE) continue;
      const at = this.#find(numbers[from]);
      this.#numbers[at] = numbers[from];
      this.#values[at] = values[from];
    }
  }
}
