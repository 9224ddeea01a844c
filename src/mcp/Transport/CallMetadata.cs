namespace Mcp.Transport;

/// <summary>The names of the metadata that calls carry beside their messages.</summary>
internal static class CallMetadata
{
    /// <summary>Request: the operation's id, chosen by the caller; also the idempotency key. On every mutating call.</summary>
    public const string Operation = "mcp-operation";

    /// <summary>Request, master to agent: the life of the master that speaks.</summary>
    public const string Term = "mcp-term";

    /// <summary>Request, master to agent: where that master is reached.</summary>
    public const string MasterAddress = "mcp-master-address";

    /// <summary>Request, master to agent: the principal that asked the master, <c>kind/name</c>. Believed from the master alone.</summary>
    public const string OnBehalfOf = "mcp-on-behalf-of";

    /// <summary>Response: the version that answers.</summary>
    public const string Version = "mcp-version";

    /// <summary>Response: what it can do, comma-separated.</summary>
    public const string Features = "mcp-features";

    /// <summary>Response trailer of a failed call: an ErrorDetail.</summary>
    public const string Error = "mcp-error-bin";
}
