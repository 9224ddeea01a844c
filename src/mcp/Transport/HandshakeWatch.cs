using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mcp.Transport;

/// <summary>
/// Says in the role's log that a peer came and no connection came about. Kestrel says so at debug level alone, and whoever runs a client that
/// still speaks TLS 1.2 would look for the reason in vain. A peer that sends nothing (a port probe) is not worth a line.
/// </summary>
internal sealed partial class HandshakeWatch(CallLimits limits, ILoggerFactory logging)
{
    private readonly ILogger _log = logging.CreateLogger<HandshakeWatch>();

    /// <summary>Puts the watch around the TLS that is added to <paramref name="listen"/> next.</summary>
    public void Begin(ListenOptions listen) => listen.Use(next => async connection =>
    {
        await next(connection);
        if (connection.Features.Get<Established>() is not null || connection.Features.Get<OfferedTls>() is not { } offered)
            return;
        var address = connection.RemoteEndPoint is IPEndPoint peer ? peer.Address : IPAddress.None;
        if (!limits.TryTakeFailedHandshake(CallGate.BudgetAddress(address)))
            return;
        if (!offered.Protocols.HasFlag(SslProtocols.Tls13))
            LogTooOld(connection.RemoteEndPoint);
        else
            LogBroken(connection.RemoteEndPoint);
    });

    /// <summary>What runs here has its TLS.</summary>
    public static void End(ListenOptions listen) => listen.Use(next => connection =>
    {
        connection.Features.Set(Established.Instance);
        return next(connection);
    });

    /// <summary>The handshake was done.</summary>
    private sealed class Established
    {
        public static readonly Established Instance = new();
    }
}

/// <summary>What a peer's first TLS message offered; kept beside the connection by <see cref="TlsListener"/>.</summary>
internal sealed record OfferedTls(SslProtocols Protocols);
