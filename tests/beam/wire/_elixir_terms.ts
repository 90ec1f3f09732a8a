/** A process of Elixir that encodes, decodes and makes terms: the oracle of the term format. */

import { Buffer } from "node:buffer";
import { UTF8_BEAM } from "../../_child.ts";

const PROGRAM = String.raw`
defmodule Terms do
  # The values that the tests have made up; the process keeps those of the last batch.
  def main do
    port = Port.open({:fd, 0, 1}, [:binary, :eof, packet: 4])
    loop(port, [])
  end

  defp loop(port, kept) do
    receive do
      {^port, {:data, <<command, rest::binary>>}} ->
        {answer, kept} = run(command, rest, kept)
        Port.command(port, items(answer))
        loop(port, kept)

      {^port, :eof} ->
        :ok
    end
  end

  defp items(list), do: for(each <- list, do: [<<byte_size(each)::32>>, each])

  defp parse(<<>>), do: []
  defp parse(<<n::32, item::binary-size(n), rest::binary>>), do: [item | parse(rest)]

  # Pairs of a term and its source in Elixir: its bytes here if they are one term, else why not.
  defp run(?C, rest, kept) do
    {bytes, sources} = rest |> parse() |> Enum.chunk_every(2) |> Enum.map(&List.to_tuple/1) |> Enum.unzip()
    {expected, _} = Code.eval_string(["[", Enum.intersperse(sources, ","), "]"] |> IO.iodata_to_binary())

    answer =
      Enum.zip_with(bytes, expected, fn bytes, expected ->
        case :erlang.binary_to_term(bytes) do
          ^expected -> ["+", :erlang.term_to_binary(expected)]
          other -> ["-", inspect(other, limit: 50), " instead of ", inspect(expected, limit: 50)]
        end
        |> IO.iodata_to_binary()
      end)

    {answer, kept}
  end

  # Random terms.
  defp run(?G, <<seed::32, count::32>>, _kept) do
    :rand.seed(:exsss, seed)
    kept = for _ <- 1..count, do: term(4)
    {Enum.map(kept, &:erlang.term_to_binary/1), kept}
  end

  # The same terms, as they came back.
  defp run(?B, rest, kept) do
    answer =
      Enum.zip_with(parse(rest), kept, fn bytes, term ->
        case :erlang.binary_to_term(bytes) do
          ^term -> ""
          other -> difference(other, term)
        end
      end)

    {answer, kept}
  end

  # Bytes that may be no terms: the bytes of the term, or none.
  defp run(?T, rest, kept) do
    answer =
      for bytes <- parse(rest) do
        try do
          :erlang.term_to_binary(:erlang.binary_to_term(bytes))
        rescue
          ArgumentError -> ""
        end
      end

    {answer, kept}
  end

  # The smallest parts that differ.
  defp difference(one, other) do
    parts =
      cond do
        is_tuple(one) and is_tuple(other) and tuple_size(one) == tuple_size(other) ->
          Enum.zip(Tuple.to_list(one), Tuple.to_list(other))

        is_list(one) and is_list(other) and List.improper?(one) == List.improper?(other) and
            not List.improper?(one) and length(one) == length(other) ->
          Enum.zip(one, other)

        is_map(one) and is_map(other) and Map.keys(one) === Map.keys(other) ->
          for key <- Map.keys(one), do: {Map.get(one, key), Map.get(other, key)}

        true ->
          []
      end

    case Enum.find(parts, fn {a, b} -> a !== b end) do
      nil -> inspect(one, limit: 50) <> " instead of " <> inspect(other, limit: 50)
      {a, b} -> difference(a, b)
    end
  end

  defp pick(list), do: Enum.at(list, :rand.uniform(length(list)) - 1)
  defp below(n), do: :rand.uniform(n) - 1

  defp term(0), do: leaf()

  defp term(depth) do
    case below(16) do
      n when n < 4 -> leaf()
      n when n < 6 -> many(depth)
      n when n < 8 -> List.to_tuple(many(depth))
      8 -> improper(depth)
      n when n < 11 -> Map.new(many(depth), &{binary(), &1})
      n when n < 13 -> Map.new(many(depth), &{term(depth - 1), &1})
      13 -> large(depth)
      14 -> struct_of(depth)
      15 -> fun(depth)
    end
  end

  defp many(depth), do: for(_ <- 1..below(6)//1, do: term(depth - 1))

  defp improper(depth) do
    case {many(depth), leaf()} do
      {[], tail} -> tail
      {items, tail} -> items ++ tail
    end
  end

  defp large(depth) do
    case below(4) do
      0 -> Map.new(1..(30 + below(40)), &{if(below(2) == 0, do: &1, else: "key #{&1}"), leaf()})
      1 -> Map.new(1..(30 + below(40)), &{"key #{&1}", leaf()})
      2 -> List.to_tuple(for _ <- 1..(250 + below(20)), do: below(10))
      3 -> for(_ <- 1..below(300)//1, do: below(if(depth > 2, do: 256, else: 257)))
    end
  end

  defp struct_of(depth) do
    case below(9) do
      0 -> MapSet.new(many(depth))
      1 -> DateTime.from_unix!(below(2 ** 42) - 2 ** 41, :millisecond)
      2 -> DateTime.from_unix!(below(2 ** 51) - 2 ** 50, pick([:microsecond, :nanosecond]))
      3 -> %RuntimeError{message: pick(["", "boom", "(TypeError) x", "(Error) x", "(a b) c", leaf()])}
      4 -> %ArgumentError{message: binary()}
      5 -> Date.add(~D[1970-01-01], below(100_000))
      6 -> below(100)..below(100)//1
      7 -> %{map: Map.new(many(depth), &{&1, pick([[], [], 1])})} |> Map.put(pick([:__struct__, :a, "b"]), pick([MapSet, 1]))
      8 -> %{MapSet.new([1]) | map: Map.new(many(depth), &{&1, 1})}
    end
  end

  defp fun(depth) do
    one = term(depth - 1)
    two = leaf()

    case below(5) do
      0 -> fn -> one end
      1 -> fn x -> {x, one, two} end
      2 -> &String.length/1
      3 -> &:erlang.abs/1
      4 -> &__MODULE__.main/0
    end
  end

  defp leaf do
    case below(17) do
      n when n < 3 -> integer()
      n when n < 5 -> float()
      n when n < 7 -> atom()
      n when n < 11 -> binary()
      11 -> bitstring()
      12 -> [:rand.bytes(below(5)) |> :binary.bin_to_list()]
      13 -> pid()
      14 -> ref()
      15 -> port()
      16 -> pick([[], {}, %{}, "", ~c"chars", <<255>>])
    end
  end

  defp integer do
    edge = 2 ** pick([0, 7, 8, 16, 27, 31, 32, 48, 52, 53, 54, 56, 63, 64, 128, 2031, 2032, 2040, 2048, 9000])
    sign = pick([1, -1])

    case below(4) do
      0 -> below(300) - 20
      1 -> sign * (edge + below(5) - 2)
      2 -> sign * below(edge + 1)
      3 -> below(2 ** 31)
    end
  end

  defp float do
    case below(3) do
      0 ->
        <<bits::64>> = :rand.bytes(8)
        if <<bits::64>> |> finite?(), do: (<<f::float>> = <<bits::64>>; f), else: 0.5

      1 -> pick([0.0, 1.0, -1.0, 0.1, 1.0e300, 5.0e-324, 9007199254740991.0, 9007199254740992.0, -9007199254740993.0])
      2 -> below(1_000_000) / pick([1, 2, 10])
    end
  end

  defp finite?(<<_::1, exponent::11, _::52>>), do: exponent != 2047

  defp atom do
    case below(4) do
      0 -> pick([true, false, nil, :undefined, :ok, :error, String, :"", :"a b", :normal])
      1 -> pick([:é, :日本, :"𝒳", :"Elixir.é"])
      2 -> String.to_atom("atom_#{below(300)}")
      3 -> String.to_atom(String.duplicate(pick(["x", "é", "日", "😀"]), pick([1, 100, 127, 255])))
    end
  end

  defp binary do
    case below(6) do
      0 -> for(_ <- 1..below(40)//1, into: "", do: <<below(95) + 32>>)
      1 -> for(_ <- 1..below(90)//1, into: "", do: <<codepoint()::utf8>>)
      2 -> :rand.bytes(below(20))
      3 -> pick(["", "ok", "__proto__", "constructor", "0", "17", "4294967295", "toString", "length"])
      4 -> for(_ <- 1..below(300)//1, into: "", do: <<below(95) + 32>>)
      5 -> for(_ <- 1..below(30)//1, into: "", do: <<codepoint()::utf8>>) <> pick(["", <<0xC3>>, <<0xED, 0xA0, 0x80>>, "\uFEFF"])
    end
  end

  defp codepoint do
    case below(4) do
      0 -> below(128)
      1 -> below(0x800)
      2 -> below(0xD800)
      3 -> 0x10000 + below(0x100000)
    end
  end

  defp bitstring do
    bits = below(80)
    <<below(2 ** bits)::size(bits)>>
  end

  defp node_name, do: pick(["kate@localhost", "alex@localhost", "a-b_c@host.example"])
  defp word, do: pick([0, 1, below(2 ** 18), below(2 ** 32), 2 ** 32 - 1])

  defp head(tag) do
    name = node_name()
    <<131, tag, 119, byte_size(name), name::binary>>
  end

  defp pid do
    case below(3) do
      0 -> self()
      _ -> :erlang.binary_to_term(head(88) <> <<word()::32, word()::32, word()::32>>)
    end
  end

  defp ref do
    case below(4) do
      0 -> make_ref()
      1 ->
        ref = :erlang.alias()
        :erlang.unalias(ref)
        ref
      _ ->
        name = node_name()
        count = below(5) + 1
        words = for _ <- 1..count, into: "", do: <<word()::32>>
        :erlang.binary_to_term(<<131, 90, count::16, 119, byte_size(name), name::binary, word()::32>> <> words)
    end
  end

  defp port do
    case below(3) do
      0 -> hd(Port.list())
      1 -> :erlang.binary_to_term(head(89) <> <<below(2 ** 28)::32, word()::32>>)
      2 -> :erlang.binary_to_term(head(120) <> <<word()::32, word()::32, word()::32>>)
    end
  end
end

Terms.main()
`;

/** A long-running Elixir; killed when it goes out of scope. */
export class ElixirTerms implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #errors: Promise<string>;
  #bytes: Buffer = Buffer.alloc(0);

  /** Starts it. */
  constructor() {
    this.#child = new Deno.Command("elixir", {
      args: ["--erl", "-noinput", "-e", PROGRAM],
      env: {
        ERL_CRASH_DUMP_SECONDS: "0",
        NO_COLOR: "1",
        // The program has characters that this locale lacks: the flags must do without it.
        LC_ALL: "C",
        ...UTF8_BEAM,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** Which of these are the term of that Elixir source: its bytes for Elixir, or a description. */
  async compared(
    terms: readonly { bytes: Uint8Array; source: string }[],
  ): Promise<(Uint8Array | string)[]> {
    const answers = await this.#ask(
      "C",
      terms.flatMap(({ bytes, source }) => [bytes, Buffer.from(source)]),
    );
    return answers.map((each) =>
      each[0] === 0x2b ? each.subarray(1) : each.toString("utf8", 1)
    );
  }

  /** Random terms, which it keeps until the next. */
  generated(seed: number, count: number): Promise<Uint8Array[]> {
    const body = Buffer.alloc(8);
    body.writeUInt32BE(seed);
    body.writeUInt32BE(count, 4);
    return this.#send("G", body);
  }

  /** Compares terms with the kept ones: a description of each that differs, or an empty text. */
  async differences(terms: readonly Uint8Array[]): Promise<string[]> {
    return (await this.#ask("B", terms)).map((each) => each.toString());
  }

  /** The bytes that Elixir writes for each term; none for bytes that are no term. */
  rewritten(terms: readonly Uint8Array[]): Promise<Uint8Array[]> {
    return this.#ask("T", terms);
  }

  #ask(command: string, items: readonly Uint8Array[]): Promise<Buffer[]> {
    return this.#send(
      command,
      Buffer.concat(items.flatMap((item) => [lengthOf(item), item])),
    );
  }

  async #send(command: string, body: Uint8Array): Promise<Buffer[]> {
    const request = Buffer.concat([Buffer.from(command), body]);
    await this.#input.write(Buffer.concat([lengthOf(request), request]));
    const answer = await this.#read(await this.#length());
    const items: Buffer[] = [];
    for (let at = 0; at < answer.length;) {
      const end = at + 4 + answer.readUInt32BE(at);
      items.push(answer.subarray(at + 4, end));
      at = end;
    }
    return items;
  }

  async #length(): Promise<number> {
    return (await this.#read(4)).readUInt32BE();
  }

  async #read(count: number): Promise<Buffer> {
    const chunks = [this.#bytes];
    let length = this.#bytes.length;
    while (length < count) {
      const { done, value } = await this.#output.read();
      if (done) throw new Error(`Elixir has ended: ${await this.#errors}`);
      chunks.push(Buffer.from(value));
      length += value.length;
    }
    const all = Buffer.concat(chunks);
    this.#bytes = all.subarray(count);
    return all.subarray(0, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await Promise.all([this.#child.status, this.#errors]);
  }
}

function lengthOf(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return head;
}
