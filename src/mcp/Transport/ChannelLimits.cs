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

    /// <summary>What the master may answer with: the status of ten thousand services is 4 MiB, of one with every route and port more.</summary>
    public const int MaxMasterAnswerBytes = 64 * 1024 * 1024;

    /// <summary>Message sizes, no retries behind the caller's back, no compression.</summary>
    /// <param name="handler">The connections.</param>
    /// <param name="answerBytes">The largest answer that is taken: a node may be hostile to the master, the master is trusted by all.</param>
    public static GrpcChannelOptions Options(HttpMessageHandler handler, int answerBytes = ServerLimits.MaxMessageBytes) => new()
    {
        HttpHandler = handler,
        DisposeHttpClient = true,
        MaxReceiveMessageSize = answerBytes,
        MaxSendMessageSize = ServerLimits.MaxMessageBytes,
        MaxRetryAttempts = null,
        CompressionProviders = [],
    };
}
