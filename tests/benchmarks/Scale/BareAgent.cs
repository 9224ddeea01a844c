using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Benchmarks.Scale;

/// <summary>
/// One agent's heartbeats with as little work on this side as can be. The real client's side of a call costs as much as the master's, and here all
/// clients share two cores with it; on real nodes each has its own. So the bytes of a call are made by hand: the same TLS 1.3 with the agent's own
/// certificate, HTTP/2 (RFC 9113) and gRPC as every agent speaks, and of the answer only its status is read.
/// </summary>
internal sealed class BareAgent : IAsyncDisposable
{
    private const int FrameHead = 9;

    private const byte Data = 0, Headers = 1, Settings = 4, Ping = 6, GoAway = 7;

    private const byte Ack = 1, EndStream = 1, EndHeaders = 4;

    private readonly SslStream _stream;
    private readonly byte[] _head;
    private readonly byte[] _buffer = new byte[16 * 1024 + FrameHead];
    private int _have;
    private uint _next = 1;

    private BareAgent(SslStream stream, byte[] head) => (_stream, _head) = (stream, head);

    /// <summary>Connects and says hello.</summary>
    /// <param name="master">host:port on loopback.</param>
    /// <param name="own">Whose heartbeats these are.</param>
    /// <param name="trust">The fleet's root.</param>
    /// <param name="domain">The fleet's domain.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<BareAgent> ConnectAsync(string master, CredentialSource own, TrustSource trust, string domain, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var colon = master.LastIndexOf(':');
        await socket.ConnectAsync(master[..colon], int.Parse(master.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture), ct);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var name = $"{Principal.TheMaster.Name}.{Principal.TheMaster.KindText}.{domain}";
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = name,
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            AllowTlsResume = false,
            ClientCertificateContext = own.Current.Context,
            CertificateChainPolicy = TlsListener.ChainPolicy(trust.Current),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => certificate is not null && (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0,
        }, ct);
        // No dynamic table: the status of an answer then stands in it as it is.
        byte[] hello = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [0, 1, 0, 0, 0, 0])];
        await stream.WriteAsync(hello, ct);
        return new BareAgent(stream, HeaderBlock(name));
    }

    /// <summary>One heartbeat; returns when the master has answered it.</summary>
    /// <exception cref="InvalidOperationException">The answer is not OK.</exception>
    public async Task BeatAsync(HeartbeatRequest request, CancellationToken ct)
    {
        var message = request.ToByteArray();
        var body = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), message.Length);
        message.CopyTo(body, 5);
        byte[] call = [.. Frame(Headers, EndHeaders, _next, _head), .. Frame(Data, EndStream, _next, body)];
        _next += 2;
        await _stream.WriteAsync(call, ct);
        while (true)
        {
            while (_have < FrameHead || _have < FrameHead + LengthOfFirst())
            {
                var read = await _stream.ReadAsync(_buffer.AsMemory(_have), ct);
                if (read == 0)
                    throw new InvalidOperationException("the master closed the connection");
                _have += read;
            }
            var (type, flags, length) = (_buffer[3], _buffer[4], LengthOfFirst());
            var payload = _buffer.AsMemory(FrameHead, length);
            if (type == Headers && (flags & EndStream) != 0)
            {
                var ok = payload.Span.IndexOf("grpc-status\u00010"u8) >= 0;
                var said = ok ? "" : Encoding.ASCII.GetString(payload.Span);
                Drop(FrameHead + length);
                if (!ok)
                    throw new InvalidOperationException($"a heartbeat was answered: {said}");
                return;
            }
            if (type == GoAway)
                throw new InvalidOperationException("the master says that it goes away");
            if (type is Settings or Ping && (flags & Ack) == 0)
                await _stream.WriteAsync(Frame(type, Ack, 0, type == Ping ? payload.Span : []), ct);
            Drop(FrameHead + length);
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private int LengthOfFirst() => (_buffer[0] << 16) | (_buffer[1] << 8) | _buffer[2];

    private void Drop(int bytes)
    {
        _buffer.AsSpan(bytes, _have - bytes).CopyTo(_buffer);
        _have -= bytes;
    }

    private static byte[] Frame(byte type, byte flags, uint stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[FrameHead + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(FrameHead));
        return frame;
    }

    // RFC 7541: indexed fields where the static table has them, the others as they are, never to be indexed.
    private static byte[] HeaderBlock(string authority) =>
    [
        0x83, // :method POST
        0x87, // :scheme https
        0x04, .. Text("/mcp.v1.McpMasterService/Heartbeat"),
        0x01, .. Text(authority),
        0x0f, 0x10, .. Text("application/grpc"), // content-type
        0x00, .. Text("te"), .. Text("trailers"),
        0x00, .. Text("grpc-timeout"), .. Text("30S"),
        0x00, .. Text(CallMetadata.Operation), .. Text(OperationId.New(TimeProvider.System).Value),
    ];

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];
}
