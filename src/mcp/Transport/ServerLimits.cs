using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mcp.Transport;

/// <summary>What a peer may cost before anybody knows who it is (FAULTS rows 54 to 58).</summary>
internal static class ServerLimits
{
    /// <summary>A message; streams carry chunks of at most 1 MiB.</summary>
    public const int MaxMessageBytes = 4 * 1024 * 1024;

    /// <summary>Bytes in flight on one stream: at 25 ms of round trip the default of 768 KiB would hold a stream to some 30 MB/s.</summary>
    public const int StreamWindow = 4 * 1024 * 1024;

    /// <summary>Bytes in flight on one connection.</summary>
    public const int ConnectionWindow = 16 * 1024 * 1024;

    /// <summary>
    /// Connections of one TCP listener, handshakes included. Far above any fleet; Kestrel's own limit is not used, since it would also lock out
    /// the Unix socket, the way back in.
    /// </summary>
    public const int MaxConnections = 4096;

    /// <summary>Applies the limits.</summary>
    public static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        var limits = kestrel.Limits;
        // Streams of data have no length limit of their own; messages do.
        limits.MaxRequestBodySize = null;
        limits.MaxRequestHeaderCount = 64;
        limits.MaxRequestHeadersTotalSize = 32 * 1024;
        limits.MaxRequestLineSize = 2 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        // A terminal may pause `mcp logs -f`; a peer that never reads again is gone after a minute.
        limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 1, gracePeriod: TimeSpan.FromSeconds(60));
        var http2 = limits.Http2;
        http2.MaxStreamsPerConnection = 128;
        http2.MaxRequestHeaderFieldSize = 16 * 1024;
        http2.InitialStreamWindowSize = StreamWindow;
        http2.InitialConnectionWindowSize = ConnectionWindow;
        // A peer that lost its power is noticed, and its streams end, within 20 seconds.
        http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
    }
}
