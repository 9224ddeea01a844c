namespace Mcp.Agent.Lifecycle;

/// <summary>How far the agent's start is; read by whoever describes the node.</summary>
internal sealed class StartProgress
{
    /// <summary>Every wished service was tried once: from here on a container that does not run is no longer about to be started.</summary>
    public volatile bool Done;

    /// <summary>The services were started although the master had not said that they are still this node's.</summary>
    public volatile bool Unconfirmed;
}
