using System.Net.Security;
using Grpc.Net.Client;

namespace Mcp.Transport;

/// <summary>What all outgoing channels have in common.</summary>
internal static class ChannelLimits
{
    /// <summary>For one address; the next fallback is tried after it.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a connection is quiet before it is asked. The contract allows 4 s, 4 more for the answer and 3 for the check after it, and has a
    /// dead peer found within 12 s; but the handler looks at its clocks once a second only, so that each of the two takes up to a second more
    /// (12 to 13 s were measured). With 2 and 3 a line breaks within 7 s, and the check ends within 10.
    /// </summary>
    public static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(2);

    /// <summary>How long the answer to a ping may take: several retransmissions of a lost packet.</summary>
    public static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(3);

    /// <summary>As <see cref="PingTimeout"/>, on a connection that carries data: a ping waits behind what is in flight, 4 s of a link with 1 MB/s.</summary>
    public static readonly TimeSpan BulkPingTimeout = TimeSpan.FromSeconds(30);

    /// <summary>A connection pool of HTTP/2 with pings (<see cref="PingDelay"/>) and windows for long distances.</summary>
    public static SocketsHttpHandler Handler(
        Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect, SslClientAuthenticationOptions? tls, bool bulk = false)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = connect,
            // All fallbacks together, and the handshake.
            ConnectTimeout = TimeSpan.FromSeconds(20),
            KeepAlivePingDelay = PingDelay,
            KeepAlivePingTimeout = bulk ? BulkPingTimeout : PingTimeout,
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
