using System.Net;
using System.Net.Sockets;
using Mcp.Transport;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Transport;

/// <summary>A small message must not wait for the acknowledgement of the one before it: up to 40 ms on each side of each call.</summary>
internal sealed class PeerDialerTests
{
    [Test]
    public async Task Both_ends_of_a_connection_send_at_once()
    {
        var factory = new PatientListeners(NullLoggerFactory.Instance, TimeProvider.System);
        await using var listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        var accepting = listener.AcceptAsync().AsTask();
        await using var stream = await new PeerDialer([factory.Bound[0].ToString()], "a peer").ConnectAsync(null!, CancellationToken.None);
        await using var accepted = await accepting;

        await Assert.That(((NetworkStream)stream).Socket.NoDelay).IsTrue();
        await Assert.That(accepted!.Features.Get<IConnectionSocketFeature>()!.Socket.NoDelay).IsTrue();
    }
}
