defmodule Conformance.Names do
  use Conformance

  def named(name, main) do
    Process.register(self(), name)
    send(main, {:registered, self()})
    receive do: ({:exit, reason} -> exit(reason))
  end

  def tell(main) do
    send(main, :ready)
    send(main, {:heard, next(5000)})
  end

  def change_hands(one, other) do
    Process.register(one, :clerk)
    Process.unregister(:clerk)
    Process.register(other, :clerk)
  end

  scenario "a name is free when its process's EXIT has arrived" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(__MODULE__, :named, [:clerk, self()])
    expect(:registered)
    trace("before", Process.whereis(:clerk) == pid)
    send(:clerk, {:exit, :oops})
    trace("exit", expect(:EXIT))
    trace("whereis", Process.whereis(:clerk))
    trace("register", Process.register(self(), :clerk))
    Process.unregister(:clerk)
  end

  scenario "a name is free when its process's DOWN has arrived" do
    pid = spawn(__MODULE__, :named, [:clerk, self()])
    expect(:registered)
    trace("monitor", [pid, Process.monitor(pid)])
    Process.exit(pid, :kill)
    trace("down", expect(:DOWN))
    trace("register", Process.register(self(), :clerk))
    trace("whereis", Process.whereis(:clerk) == self())
    Process.unregister(:clerk)
  end

  scenario "another node's name is free when its DOWN has arrived" do
    kate = peer(:kate)
    Node.spawn(kate, __MODULE__, :named, [:clerk, self()])
    expect(:registered)
    ref = Process.monitor({:clerk, kate})
    send({:clerk, kate}, {:exit, :oops})
    trace("down", [expect(:DOWN), ref])
    again = Process.monitor({:clerk, kate})
    trace("again", [expect(:DOWN), again])
  end

  scenario "the receiver of a DOWN can reuse the name at once" do
    Process.flag(:trap_exit, true)

    for reason <- [:one, :two] do
      pid = spawn_link(__MODULE__, :named, [:clerk, self()])
      trace("registered", [elem(expect(:registered), 1), pid])
      send(:clerk, {:exit, reason})
      trace("exit", expect(:EXIT))
    end
  end

  scenario "an invalid registration raises" do
    kate = peer(:kate)
    spawn(__MODULE__, :named, [:clerk, self()])
    {:registered, pid} = expect(:registered)
    dead = spawn(fn -> :ok end)
    reason_of(dead)
    remote = Node.spawn(kate, Conformance, :forever, [])
    attempt("taken", fn -> Process.register(self(), :clerk) end)
    attempt("has a name", fn -> Process.register(pid, :other) end)
    attempt("same again", fn -> Process.register(pid, :clerk) end)
    attempt("undefined", fn -> Process.register(self(), :undefined) end)
    attempt("dead", fn -> Process.register(dead, :other) end)
    attempt("remote", fn -> Process.register(remote, :other) end)
    attempt("unregister", fn -> Process.unregister(:other) end)
    trace("clerk", Process.whereis(:clerk) == pid)
    trace("other", Process.whereis(:other))
  end

  scenario "a message to a free name raises here, drops elsewhere" do
    kate = peer(:kate)
    attempt("local", fn -> send(:nobody, :hello) end)
    attempt("here", fn -> send({:nobody, node()}, :hello) && :sent end)
    attempt("there", fn -> send({:nobody, kate}, :hello) && :sent end)
    attempt("nowhere", fn -> send({:nobody, unknown_node()}, :hello) && :sent end)
  end

  scenario "the new owner of a name receives its messages" do
    main = self()
    kate = peer(:kate)
    one = Node.spawn(kate, __MODULE__, :tell, [main])
    expect(:ready)
    other = Node.spawn(kate, __MODULE__, :tell, [main])
    expect(:ready)

    on(:kate, :change_hands, [one, other])

    send({:clerk, kate}, :for_the_other)
    send(one, :for_the_one)
    got = for _ <- 1..2, do: expect(:heard)
    for heard <- Enum.sort(got), do: trace("got", heard)
  end

  scenario "unregister leaves the process alive" do
    pid = spawn(__MODULE__, :named, [:clerk, self()])
    expect(:registered)
    trace("unregister", Process.unregister(:clerk))
    trace("whereis", Process.whereis(:clerk))
    trace("alive", Process.alive?(pid))
    trace("register", Process.register(pid, :other))
    Process.exit(pid, :kill)
    reason_of(pid)
    trace("whereis", Process.whereis(:other))
  end
end
