using Grpc.Core;
using Mcp.Names;
using Mcp.Transport;

namespace Mcp.Cli.Connecting;

/// <summary>The metadata that mutating calls carry.</summary>
internal static class OperationCalls
{
    /// <summary>Headers with the operation's id, which is also the idempotency key.</summary>
    public static Metadata Headers(OperationId id) => new() { { CallMetadata.Operation, id.Value } };

    /// <summary>Headers with a new id, for a change so short that nobody watches it.</summary>
    public static Metadata NewHeaders(this CommandContext context) => Headers(OperationId.New(context.Clock));
}
