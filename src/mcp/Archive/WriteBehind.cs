namespace Mcp.Archive;

/// <summary>
/// Writes to a stream on a thread of its own, a few blocks behind whoever fills it: files are read here while an archive is digested and compressed there, and headers of half
/// a kilobyte reach the digest many at a time. What the stream refuses is thrown at the next write, or by <see cref="Complete"/>; a flush hands nothing over.
/// </summary>
internal sealed class WriteBehind : OneWayStream
{
    private readonly BlockExchange _blocks = new();
    private readonly Thread _thread;
    private byte[] _block;
    private int _length;

    /// <summary>Begins.</summary>
    /// <param name="to">Used on the other thread alone until this is disposed; stays open.</param>
    /// <param name="passed">Called there behind every block.</param>
    public WriteBehind(Stream to, Action? passed = null)
    {
        _block = _blocks.TakeEmpty();
        _thread = new Thread(() => Run(to, passed)) { IsBackground = true, Name = "write behind" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    /// <exception cref="Exception">What the stream threw at an earlier block.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var taken = Math.Min(buffer.Length, _block.Length - _length);
            buffer[..taken].CopyTo(_block.AsSpan(_length));
            _length += taken;
            buffer = buffer[taken..];
            if (_length == _block.Length)
                HandOver();
        }
    }

    /// <summary>Waits until the stream has taken everything. Nothing may follow.</summary>
    /// <exception cref="Exception">What the stream threw.</exception>
    public void Complete()
    {
        // Whoever goes on after an error hears it again.
        _blocks.ThrowFault();
        _blocks.Give(_block, _length);
        _blocks.End();
        _thread.Join();
        _blocks.ThrowFault();
    }

    /// <summary>Without <see cref="Complete"/> what was not taken yet is dropped. The other thread is gone when this returns.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _blocks.Stop();
            _blocks.End();
            _thread.Join();
        }
        base.Dispose(disposing);
    }

    private void HandOver()
    {
        _blocks.Give(_block, _length);
        _length = 0;
        try
        {
            _block = _blocks.TakeEmpty();
        }
        catch (OperationCanceledException)
        {
            _blocks.ThrowFault();
            throw;
        }
    }

    private void Run(Stream to, Action? passed)
    {
        try
        {
            while (_blocks.TryTakeFull(out var block) && !_blocks.IsStopped)
            {
                to.Write(block);
                passed?.Invoke();
                _blocks.Return(block);
            }
        }
        catch (Exception e)
        {
            // It is thrown where the bytes come from.
            _blocks.Stop(e);
        }
    }
}
