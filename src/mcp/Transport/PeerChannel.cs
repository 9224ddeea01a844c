using Grpc.Core;
using Mcp.Certificates;
using Mcp.Names;

namespace Mcp.Transport;

/// <summary>
/// A channel to one principal, wherever it lives: <c>new McpAgentService.McpAgentServiceClient(channel)</c>. Calls fail with
/// <see cref="Errors.McpException"/> (streams too), never with RpcException; a call whose own token was cancelled throws OperationCanceledException.
/// A unary call without a deadline gets <see cref="UnaryDeadline"/>: give long ones (Deploy, Migrate) their own.
/// </summary>
internal sealed class PeerChannel : ChannelBase, IDisposable
{
    /// <summary>The deadline of a unary call that has none of its own.</summary>
    public static readonly TimeSpan UnaryDeadline = TimeSpan.FromSeconds(60);

    internal PeerChannel(string target)
        : base(target)
    {
    }

    /// <summary>Opens a channel; the connection is made at the first call and again whenever it broke.</summary>
    /// <param name="addresses"><c>host:port</c>, tried in order; dialled as they are, verified by identity.</param>
    /// <param name="expected">Who must answer.</param>
    /// <param name="own">What this side presents; null: nothing (joining).</param>
    /// <param name="trust">The fleet's roots.</param>
    /// <param name="domain">The fleet's trust domain.</param>
    /// <param name="clock">The clock by which the peer's certificate is judged.</param>
    public static PeerChannel Open(
        IReadOnlyList<string> addresses, Principal expected, CredentialSource? own, TrustSource trust, string domain, TimeProvider clock) =>
        throw new NotImplementedException($"{addresses}{expected}{own}{trust}{domain}{clock}");

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
