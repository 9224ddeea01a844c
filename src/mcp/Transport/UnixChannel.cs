using Grpc.Core;

namespace Mcp.Transport;

/// <summary>A channel to a role on this machine through its Unix socket; errors and deadlines as with <see cref="PeerChannel"/>.</summary>
internal sealed class UnixChannel : ChannelBase, IDisposable
{
    internal UnixChannel(string path)
        : base(path)
    {
    }

    /// <summary>Opens a channel to the socket at <paramref name="path"/>.</summary>
    public static UnixChannel Open(string path) => throw new NotImplementedException(path);

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
