defmodule Phoenix.PubSub do
  @moduledoc """
  Stands in for the package phoenix_pubsub, so that the example needs no Hex: it sends the same messages to other nodes.
  A project with Phoenix has the package instead.
  """

  use GenServer

  def start_link(name: pubsub) do
    GenServer.start_link(__MODULE__, pubsub, name: group(pubsub))
  end

  def broadcast(pubsub, topic, message) do
    for pid <- :pg.get_members(Phoenix.PubSub, group(pubsub)), node(pid) != node() do
      send(pid, {:forward_to_local, topic, message, Phoenix.PubSub})
    end

    :ok
  end

  @impl true
  def init(pubsub) do
    {:ok, _} = :pg.start_link(Phoenix.PubSub)
    :ok = :pg.join(Phoenix.PubSub, group(pubsub), self())
    {:ok, pubsub}
  end

  defp group(pubsub), do: Module.concat(pubsub, "Adapter")
end
