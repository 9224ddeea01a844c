using System.Net;
using System.Net.Sockets;
using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>One TCP connection that carries bytes and nothing else: what a link can do.</summary>
internal static class PlainSender
{
    /// <summary>The verb under which this program is the receiving end.</summary>
    public const string SinkVerb = "--sink";

    private const int Port = 9407;

    /// <summary>Sends so many bytes over the link; ends when the far side has them all.</summary>
    public static async Task RunAsync(DelayedLink link, long bytes)
    {
        IReadOnlyList<string> words = [.. link.Before, Environment.ProcessPath!, SinkVerb, DelayedLink.Far];
        using var sink = Shell.Start(words[0], [.. words.Skip(1)]);
        await sink.StandardOutput.ReadLineAsync();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(DelayedLink.Far), Port));
        var buffer = new byte[256 * 1024];
        for (var left = bytes; left > 0; left -= buffer.Length)
            await socket.SendAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
        socket.Shutdown(SocketShutdown.Send);
        await socket.ReceiveAsync(new byte[1]);
        await sink.WaitForExitAsync();
    }

    /// <summary>Takes one connection, and closes it when everything is there.</summary>
    public static async Task<int> SinkAsync(string host)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(host), Port));
        listener.Listen();
        Console.WriteLine("ready");
        using var from = await listener.AcceptAsync();
        var buffer = new byte[256 * 1024];
        while (await from.ReceiveAsync(buffer) > 0)
        {
        }
        return 0;
    }
}
