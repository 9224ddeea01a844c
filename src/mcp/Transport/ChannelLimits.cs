using System.Net.Security;
using Grpc.Net.Client;

namespace Mcp.Transport;

/// <summary>What all outgoing channels have in common.</summary>
internal static class ChannelLimits
{
    /// <summary>For one address; the next fallback is tried after it.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A connection pool of HTTP/2 with pings every 4 seconds, each to be answered in 4 (SPEC §7), and windows for long distances.</summary>
    public static SocketsHttpHandler Handler(
        Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect, SslClientAuthenticationOptions? tls)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = connect,
            // All fallbacks together, and the handshake.
            ConnectTimeout = TimeSpan.FromSeconds(20),
            KeepAlivePingDelay = TimeSpan.FromSeconds(4),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(4),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            InitialHttp2StreamWindowSize = ServerLimits.StreamWindow,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            MaxResponseHeadersLength = 64,
            AllowAutoRedirect = false,
            UseCookies = false,
            // A proxy from the environment would take the fleet's calls elsewhere.
            UseProxy = false,
            // AutomaticDecompression stays unset, which is None: naming it here links every decompressor into the file.
        };
        if (tls is not null)
            handler.SslOptions = tls;
        return handler;
    }

    /// <summary>Message sizes, no retries behind the caller's back, no compression.</summary>
    public static GrpcChannelOptions Options(HttpMessageHandler handler) => new()
    {
        HttpHandler = handler,
        DisposeHttpClient = true,
        MaxReceiveMessageSize = ServerLimits.MaxMessageBytes,
        MaxSendMessageSize = ServerLimits.MaxMessageBytes,
        MaxRetryAttempts = null,
        CompressionProviders = [],
    };
}
