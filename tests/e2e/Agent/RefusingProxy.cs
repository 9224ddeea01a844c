using System.Net.Sockets;
using System.Text;

namespace Mcp.EndToEnd.Agent;

/// <summary>Between the agent and podman: passes everything on, but answers each removal of a container with 500 while <see cref="Refuses"/> is set.</summary>
internal sealed class RefusingProxy : IDisposable
{
    private const string Body = """{"cause":"device or resource busy","message":"removing storage: device or resource busy","response":500}""";

    private static readonly byte[] Refusal = Encoding.ASCII.GetBytes(
        $"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}");

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _target;

    public RefusingProxy(string path, string target)
    {
        (Path, _target) = (path, target);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    public string Path { get; }

    public bool Refuses { get; set; }

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
                if (Refuses && Encoding.ASCII.GetString(request, 0, Math.Min(read, 64)) is var head && head.StartsWith("DELETE ", StringComparison.Ordinal) && head.Contains("/containers/", StringComparison.Ordinal))
                    await client.SendAsync(Refusal);
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
        var answer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(answer.AsMemory()) is var read and > 0)
                await to.SendAsync(answer.AsMemory(0, read));
            to.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side went; so does the other.
        }
    }
}
