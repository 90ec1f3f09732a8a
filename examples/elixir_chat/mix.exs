defmodule Chat.MixProject do
  use Mix.Project

  def project do
    [app: :chat, version: "0.1.0", elixir: "~> 1.15", start_permanent: false, deps: []]
  end

  def application do
    [extra_applications: [:logger], mod: {Chat.Application, []}]
  end
end
