namespace Mcp.Archive;

/// <summary>
/// Reads a stream on a thread of its own, a few blocks ahead of whoever wants it: an archive is decompressed and digested there while its files are written here. What the
/// stream ends with, an end or an error, is met here at the very byte.
/// <para>
/// The stream is used on that thread alone and disposed there, which may be later than this is disposed: a read of a pipe cannot be called back, and nobody should wait for it.
/// </para>
/// </summary>
internal sealed class ReadAhead : OneWayStream
{
    private readonly BlockExchange _blocks = new();
    private ArraySegment<byte> _block;
    private int _at;

    /// <summary>Begins to read.</summary>
    /// <param name="source">Is disposed when it has ended, or nobody wants more of it.</param>
    public ReadAhead(Stream source) => new Thread(() => Run(source)) { IsBackground = true, Name = "read ahead" }.Start();

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    /// <exception cref="Exception">What the stream itself threw.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (_at == _block.Count && !Next())
            return 0;
        var taken = Math.Min(buffer.Length, _block.Count - _at);
        _block.AsSpan(_at, taken).CopyTo(buffer);
        _at += taken;
        return taken;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _blocks.Stop();
        base.Dispose(disposing);
    }

    private bool Next()
    {
        _blocks.Return(_block);
        (_block, _at) = (default, 0);
        return _blocks.TryTakeFull(out _block);
    }

    private void Run(Stream source)
    {
        Exception? fault = null;
        try
        {
            using (source)
            {
                while (_blocks.TakeEmpty() is var block && source.Read(block) is var read and > 0)
                    _blocks.Give(block, read);
            }
        }
        catch (OperationCanceledException) when (_blocks.IsStopped)
        {
            // Nobody wants more.
        }
        catch (Exception e)
        {
            // It is thrown where the bytes are wanted.
            fault = e;
        }
        _blocks.End(fault);
    }
}
