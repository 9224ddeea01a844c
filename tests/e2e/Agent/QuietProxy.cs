using System.Net.Sockets;

namespace Mcp.EndToEnd.Agent;

/// <summary>Between the agent and podman: everything passes but the stream of events, which is taken and never answered, as by a podman that says nothing.</summary>
internal sealed class QuietProxy : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _target;

    public QuietProxy(string path, string target)
    {
        (Path, _target) = (path, target);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(64);
        _ = AcceptAsync();
    }

    public string Path { get; }

    /// <summary>How often the events were asked for.</summary>
    public int Swallowed { get; private set; }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var _ = client;
        try
        {
            await server.ConnectAsync(new UnixDomainSocketEndPoint(_target));
            var back = CopyAsync(server, client);
            var request = new byte[256 * 1024];
            while (await client.ReceiveAsync(request.AsMemory()) is var read and > 0)
            {
                var line = request.AsSpan(0, read).IndexOf((byte)'\n') is var end and > 0 ? System.Text.Encoding.ASCII.GetString(request, 0, end) : "";
                if (line.StartsWith("GET ", StringComparison.Ordinal) && line.Contains("/events?", StringComparison.Ordinal))
                    Swallowed++;
                else
                    await server.SendAsync(request.AsMemory(0, read));
            }
            server.Shutdown(SocketShutdown.Both);
            await back;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side went; so does the other.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        var bytes = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(bytes.AsMemory()) is var read and > 0)
                await to.SendAsync(bytes.AsMemory(0, read));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side went; so does the other.
        }
    }
}
