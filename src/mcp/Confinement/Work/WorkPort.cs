using System.Diagnostics;
using Google.Protobuf;
using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.V1;

namespace Mcp.Confinement.Work;

/// <summary>
/// The child's side of the pipes: its job, the data that comes as a stream, the data that goes as a stream. While it works, a thread of its own says every 2 s where it
/// stands, so that nobody takes a long copy of a database for a dead link.
/// </summary>
internal sealed class WorkPort : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(2);

    private readonly Frames _input;
    private readonly Frames _output;
    private readonly Lock _writing = new();
    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _pulse;
    private volatile string _phase = "start";
    private long _waited;
    private long _sent;
    private long _done;
    private long _total;

    /// <summary>Takes over the two pipes.</summary>
    public WorkPort(Stream input, Stream output)
    {
        (_input, _output) = (new Frames(input), new Frames(output));
        Job = _input.ReadJob() ?? throw new InvalidDataException("no job came");
        Input = new InputStream(this);
        Output = new OutputStream(this);
        _pulse = new Thread(Pulse) { IsBackground = true, Name = "pulse" };
        _pulse.Start();
    }

    /// <summary>What is to be done.</summary>
    public ConfinedJob Job { get; }

    /// <summary>The data that comes, up to its announced end; a pipe that ends before is an <see cref="EndOfStreamException"/>.</summary>
    public Stream Input { get; }

    /// <summary>What the data must have been; null: none was said, or the data has not ended yet.</summary>
    public StreamTrailer? Trailer { get; private set; }

    /// <summary>Where data goes; flush it before the result.</summary>
    public Stream Output { get; }

    /// <summary>How long <see cref="Output"/> has waited for its taker; read by the thread that writes.</summary>
    public TimeSpan Waited => Stopwatch.GetElapsedTime(0, _waited);

    /// <summary>Bytes that <see cref="Output"/> has sent; read by the thread that writes.</summary>
    public long Sent => _sent;

    /// <summary>Where the work stands from now on; it is sent by and by.</summary>
    /// <param name="phase">One word or two.</param>
    /// <param name="done">Bytes so far.</param>
    /// <param name="total">Bytes altogether; 0: not known.</param>
    public void Report(string phase, long done, long total)
    {
        _phase = phase;
        Interlocked.Exchange(ref _done, done);
        Interlocked.Exchange(ref _total, total);
    }

    /// <summary>Sends the last frame.</summary>
    public void Finish(ConfinedOutput last)
    {
        _end.Set();
        Send(last);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Set();
        _pulse.Join();
        _end.Dispose();
    }

    private void Send(ConfinedOutput frame)
    {
        lock (_writing)
            _output.Write(frame);
    }

    private void Pulse()
    {
        try
        {
            while (!_end.Wait(Beat))
                Send(new ConfinedOutput { Progress = new TransferProgress { Phase = _phase, Done = (ulong)Interlocked.Read(ref _done), Total = (ulong)Interlocked.Read(ref _total) } });
        }
        catch (IOException)
        {
            // Whoever asked is gone. A copy of a large database would go on for minutes, for nobody.
            Environment.Exit(1);
        }
    }

    private sealed class InputStream(WorkPort port) : OneWayStream
    {
        private ReadOnlyMemory<byte> _rest;
        private bool _ended;

        public override bool CanRead => true;

        public override int Read(Span<byte> buffer)
        {
            while (_rest.Length == 0 && !_ended)
            {
                var frame = port._input.ReadInput() ?? throw new EndOfStreamException("the data was cut");
                if (frame.PartCase == ConfinedInput.PartOneofCase.Data)
                    _rest = frame.Data.Memory;
                else
                    (_ended, port.Trailer) = (true, frame.Trailer);
            }
            var taken = Math.Min(buffer.Length, _rest.Length);
            _rest.Span[..taken].CopyTo(buffer);
            _rest = _rest[taken..];
            return taken;
        }
    }

    private sealed class OutputStream(WorkPort port) : OneWayStream
    {
        private readonly byte[] _buffer = new byte[Frames.Chunk];
        private int _length;

        public override bool CanWrite => true;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            while (buffer.Length > 0)
            {
                var taken = Math.Min(buffer.Length, _buffer.Length - _length);
                buffer[..taken].CopyTo(_buffer.AsSpan(_length));
                _length += taken;
                buffer = buffer[taken..];
                if (_length == _buffer.Length)
                    Flush();
            }
        }

        public override void Flush()
        {
            if (_length == 0)
                return;
            var since = Stopwatch.GetTimestamp();
            port.Send(new ConfinedOutput { Data = UnsafeByteOperations.UnsafeWrap(_buffer.AsMemory(0, _length)) });
            port._waited += Stopwatch.GetTimestamp() - since;
            port._sent += _length;
            _length = 0;
        }
    }
}
