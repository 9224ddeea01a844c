using Mcp.Native;

namespace Mcp.Archive;

/// <summary>
/// Brings what an import has written to the disk while it goes on, on a thread of its own, so that the last syncfs, which everybody waits for, finds little left. It proves
/// nothing: an error is told by the last one, since the kernel reports it once to every descriptor that was open (syncfs(2)), and this one has its own.
/// </summary>
/// <param name="target">A folder of the file system.</param>
internal sealed class FlushAhead(Folder target) : IDisposable
{
    // Much less would wake the disk for every few files; much more would leave the end as long as it was.
    private const long Every = 64L << 20;

    private readonly Folder _folder = target.OpenFolder("."u8);
    private readonly SemaphoreSlim _due = new(0, 1);
    private Thread? _thread;
    private volatile bool _over;
    private long _written;

    /// <summary>So many bytes were written.</summary>
    public void Wrote(int bytes)
    {
        _written += bytes;
        // One that is still at it takes these along, or the next one does.
        if (_written < Every || _due.CurrentCount > 0)
            return;
        _written = 0;
        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "flush" };
            _thread.Start();
        }
        _due.Release();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _over = true;
        if (_due.CurrentCount == 0)
            _due.Release();
        _thread?.Join();
        _due.Dispose();
        _folder.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            _due.Wait();
            if (_over)
                return;
            try
            {
                NativeFile.SyncFileSystem(_folder.Handle);
            }
            catch (PathFault)
            {
                // The last one says it.
                return;
            }
        }
    }
}
