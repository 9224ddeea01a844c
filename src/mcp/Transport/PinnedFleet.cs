using Mcp.Certificates;

namespace Mcp.Transport;

/// <summary>
/// What a joiner knows after it has checked, by the root's hash in its token, whom it speaks to. Only now may it send the token, over a
/// <see cref="PeerChannel"/> with this trust.
/// </summary>
/// <param name="Trust">The root that the token names.</param>
/// <param name="Domain">The fleet's trust domain, as the master's verified certificate says.</param>
internal sealed record PinnedFleet(TrustBundle Trust, string Domain)
{
    /// <summary>
    /// Asks <paramref name="address"/> for the fleet's root (the handshake does not send it) and checks its hash against
    /// <paramref name="rootSha256"/> and the certificate of the same connection as <c>master/mcp-master</c>. Sends nothing secret.
    /// </summary>
    /// <exception cref="Errors.McpException">It cannot be reached, or is not the master of the fleet that the token is for.</exception>
    public static Task<PinnedFleet> FetchAsync(string address, string rootSha256, TimeProvider clock, CancellationToken ct) =>
        throw new NotImplementedException($"{address}{rootSha256}{clock}{ct}");
}
