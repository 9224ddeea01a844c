using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// The line over which the master calls one node: it passes bytes on until it is cut (what stands is reset, what comes is reset at once) or falls silent
/// (connections stand and nothing passes, as behind a switch that lost power), and afterwards is whole again.
/// </summary>
internal sealed class NodeLine : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, byte> _open = [];
    private readonly EndPoint _node;
    private readonly Lock _gate = new();
    private TaskCompletionSource _passable = Done();
    private long _budget = long.MaxValue;
    private bool _cut;

    /// <param name="node">Where the node listens, "host:port".</param>
    public NodeLine(string node)
    {
        _node = IPEndPoint.Parse(node);
        _listener.Start();
        Address = _listener.LocalEndpoint.ToString()!;
        _ = AcceptAsync();
    }

    /// <summary>Where the master calls.</summary>
    public string Address { get; }

    /// <summary>From here on nothing comes through, and both ends are told so.</summary>
    public void Cut()
    {
        lock (_gate)
            _cut = true;
        foreach (var socket in _open.Keys)
            Reset(socket);
    }

    /// <summary>Cuts it after so many more bytes towards the node.</summary>
    public void CutAfter(long bytes) => Interlocked.Exchange(ref _budget, bytes);

    /// <summary>From here on nothing comes through, and nobody is told.</summary>
    public void Silence()
    {
        lock (_gate)
            _passable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>It is whole again; what was on its way through a silent line arrives.</summary>
    public void Heal()
    {
        Interlocked.Exchange(ref _budget, long.MaxValue);
        lock (_gate)
        {
            _cut = false;
            _passable.TrySetResult();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        Cut();
        _passable.TrySetResult();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptSocketAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket caller)
    {
        using var node = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var _ = caller;
        (_open[caller], _open[node]) = (0, 0);
        try
        {
            caller.NoDelay = true;
            await Passable().Task;
            if (IsCut())
            {
                Reset(caller);
                return;
            }
            await node.ConnectAsync(_node);
            // Each way ends by itself: the caller may have said all while the node still answers.
            await Task.WhenAll(PassAsync(caller, node, counts: true), PassAsync(node, caller, counts: false));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side went, or the line was cut; so does the other.
            Reset(caller);
        }
        finally
        {
            _open.TryRemove(caller, out byte _);
            _open.TryRemove(node, out byte _);
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool counts)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer.AsMemory()) is var read and > 0)
            {
                await Passable().Task;
                if (counts && Interlocked.Add(ref _budget, -read) < 0)
                    Cut();
                for (var sent = 0; sent < read;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Reset(from);
            Reset(to);
        }
    }

    private TaskCompletionSource Passable()
    {
        lock (_gate)
            return _passable;
    }

    private bool IsCut()
    {
        lock (_gate)
            return _cut;
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone already.
        }
        socket.Dispose();
    }

    private static TaskCompletionSource Done()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }
}
