using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Mcp.Tests.Podman;

/// <summary>The ways in which a <see cref="FakePodman"/> answers one request.</summary>
internal sealed class FakeAnswer(Stream stream, FakeRequest request, CancellationToken stop)
{
    /// <summary>What is answered.</summary>
    public FakeRequest Request => request;

    /// <summary>Whether the connection ends with this answer.</summary>
    public bool Closes { get; private set; }

    /// <summary>A whole answer with its length.</summary>
    public async Task TextAsync(int status, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        await RawAsync(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {bytes.Length}\r\n\r\n"));
        await stream.WriteAsync(bytes, stop);
    }

    /// <summary>The answer to a ping, as podman of that version gives it.</summary>
    public Task PongAsync(string version) => RawAsync($"HTTP/1.1 200 OK\r\nLibpod-Api-Version: {version}\r\nContent-Length: 2\r\n\r\nOK");

    /// <summary>An answer without content.</summary>
    public Task EmptyAsync(int status) => RawAsync(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} X\r\n\r\n"));

    /// <summary>These bytes and nothing else.</summary>
    public async Task RawAsync(string text) => await stream.WriteAsync(Encoding.UTF8.GetBytes(text), stop);

    /// <summary>The head of an answer in chunks.</summary>
    public Task BeginAsync() => RawAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

    /// <summary>One chunk.</summary>
    public async Task ChunkAsync(byte[] bytes)
    {
        await RawAsync($"{bytes.Length:x}\r\n");
        await stream.WriteAsync(bytes, stop);
        await RawAsync("\r\n");
    }

    /// <summary>One chunk of text.</summary>
    public Task ChunkAsync(string text) => ChunkAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>The end of an answer in chunks.</summary>
    public Task EndAsync() => RawAsync("0\r\n\r\n");

    /// <summary>Says nothing until the client or the test gives up.</summary>
    public async Task HangAsync()
    {
        var one = new byte[1];
        // Ends when the client closes.
        _ = await stream.ReadAsync(one, stop);
        Closes = true;
    }

    /// <summary>Hangs up.</summary>
    public Task CutAsync()
    {
        Closes = true;
        return Task.CompletedTask;
    }

    /// <summary>A frame of a log or an exec.</summary>
    public static byte[] Frame(int streamNumber, string content) => Frame(streamNumber, Encoding.UTF8.GetBytes(content));

    /// <summary>A frame of a log or an exec.</summary>
    public static byte[] Frame(int streamNumber, byte[] content)
    {
        var frame = new byte[8 + content.Length];
        frame[0] = (byte)streamNumber;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), content.Length);
        content.CopyTo(frame, 8);
        return frame;
    }
}
