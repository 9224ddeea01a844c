using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;

namespace Mcp.Transport;

/// <summary>A channel to a role on this machine through its Unix socket; errors and deadlines as with <see cref="PeerChannel"/>.</summary>
internal sealed class UnixChannel : ChannelBase, IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _invoker;

    private UnixChannel(string path)
        : base(path)
    {
        // HTTP/2 with prior knowledge; the socket's mode and the kernel's word about the peer take TLS's place.
        _channel = GrpcChannel.ForAddress("http://localhost", ChannelLimits.Options(ChannelLimits.Handler((_, ct) => ConnectAsync(path, ct), tls: null), ChannelLimits.MaxMasterAnswerBytes));
        _invoker = new FaultInvoker(_channel.CreateCallInvoker(), $"the role at {path}");
    }

    /// <summary>Opens a channel to the socket at <paramref name="path"/>.</summary>
    public static UnixChannel Open(string path) => new(path);

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => _invoker;

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
