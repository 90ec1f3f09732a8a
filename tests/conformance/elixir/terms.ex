defmodule Conformance.Terms do
  use Conformance

  defp fun(module, name, arity), do: :erlang.make_fun(module, name, arity)

  def echo do
    receive do
      {from, value} -> send(from, {:echo, value})
    end

    echo()
  end

  scenario "inspect shows tuples, improper lists and bitstrings" do
    trace("empty", inspect({}))
    trace("pair", inspect({:ok, 1}))
    trace("nested", inspect([{:ok, [{}, {{1}}]}]))
    trace("keywords", inspect([{:a, 1}, {:"b c", [c?: {}, +: 2]}]))
    trace("no keywords", inspect([{:a, 1}, {:b, 2, 3}]))
    trace("modules", inspect([{Foo, 1}]))
    trace("improper", inspect([1 | 2]))
    trace("longer", inspect([1, {:a} | {:b, 2}]))
    trace("bits", inspect(<<1::size(3)>>))
    trace("more bits", inspect(<<255, 0, 127::size(7)>>))
  end

  scenario "inspect shows whole floats" do
    for float <- [1.0, 0.0, -5.0, 123_456.0, 9_007_199_254_740_992.0, 9_999_999_999_999_998.0] do
      trace("decimal", inspect(float))
    end

    for float <- [1.0e16, -1.0e16, 1.25e20, 1.0e22, 123_456_789_012_345_680.0, 1.0e300] do
      trace("scientific", inspect(float))
    end
  end

  scenario "inspect shows functions of modules, and atoms" do
    trace("of Elixir", inspect(fun(String, :length, 1)))
    trace("of a module in a module", inspect(fun(Foo.Bar, :a?, 0)))
    trace("of Erlang", inspect(fun(:erlang, :abs, 1)))
    trace("an operator", inspect(fun(:erlang, :+, 2)))
    trace("no operator", inspect(fun(:m, :.., 2)))
    trace("in quotes", inspect(fun(:"a b", :"c-d", 2)))
    trace("a capital", inspect(fun(:m, :Foo, 2)))
    trace("no module", inspect(fun(:"Elixir.foo", :x, 3)))
    trace("an atom", inspect(:ok))
    trace("an alias", inspect(Chat.Message))
    trace("an atom in quotes", inspect(:"two words"))
    trace("a letter", inspect(:élan))
    for name <- [:+, :<>, :.., :{}, :"::", :"^^^", :"[]"], do: trace("an operator", inspect(name))
  end

  scenario "equal terms have equal parts" do
    trace("tuples", {1, [2]} === {1, [2]})
    trace("a tuple and a list", {1} === [1])
    trace("another length", {1} === {1, 2})
    trace("an integer and a float", 1 === 1.0)
    trace("within tuples", {1} === {1.0})
    trace("floats", 2.0 === 2.0)
    trace("improper lists", [1 | 2] === [1 | 2])
    trace("another tail", [1 | 2] === [1 | 3])
    trace("improper and proper", [1 | 2] === [1, 2])
    trace("bits", <<1::size(3)>> === <<1::size(3)>>)
    trace("other bits", <<1::size(3)>> === <<1::size(4)>>)
    trace("bits and bytes", <<1::size(3)>> === <<32>>)
    trace("functions", fun(:m, :f, 1) === fun(:m, :f, 1))
    trace("another arity", fun(:m, :f, 1) === fun(:m, :f, 2))
  end

  scenario "terms are keys by their parts" do
    keys = [{:a, 1}, {:a, 1.0}, [:a | 1], [:a, 1], <<1::size(3)>>, 1, 1.0, fun(:m, :f, 1)]
    for {key, i} <- Enum.with_index(keys), do: Process.put(key, i)
    trace("tuple", Process.get({:a, 1}))
    trace("with a float", Process.get({:a, 1.0}))
    trace("improper list", Process.get([:a | 1]))
    trace("list", Process.get([:a, 1]))
    trace("bits", Process.get(<<1::size(3)>>))
    trace("integer", Process.get(1))
    trace("float", Process.get(1.0))
    trace("function", Process.get(fun(:m, :f, 1)))
    trace("another", Process.get({:a, 2}))
  end

  scenario "terms arrive unchanged from another node" do
    kate = peer(:kate)
    pid = Node.spawn(kate, __MODULE__, :echo, [])

    terms = [
      {:ok, [{}, 1.0]},
      [1 | {2}],
      <<5, 3::size(3)>>,
      fun(String, :length, 1),
      make_ref(),
      {self(), 2.0}
    ]

    for term <- terms do
      send(pid, {self(), term})

      receive do
        {:echo, back} -> trace("equal", back === term)
      end
    end
  end
end
