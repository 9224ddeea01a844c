using System.Globalization;
using System.Text;

namespace Mcp.Podman;

/// <summary>
/// Log frames → lines. Podman sends a frame for every record of the log file, each with its time in front; conmon splits long lines into
/// records, and only the last of them ends with a line feed. The two streams are put together apart from each other. Lines are bounded.
/// </summary>
internal sealed class LogLines(int limit)
{
    private readonly Assembly _out = new(false, limit);
    private readonly Assembly _error = new(true, limit);

    /// <summary>The lines that a piece completes.</summary>
    public IEnumerable<LogLine> Add(Frame frame) => (frame.IsError ? _error : _out).Add(frame);

    /// <summary>What was begun and never ended with a line feed.</summary>
    public IEnumerable<LogLine> Rest() => [.. _out.Rest(), .. _error.Rest()];

    private sealed class Assembly(bool isError, int limit)
    {
        private readonly List<byte> _stamp = [];
        private readonly List<byte> _line = [];
        private bool _inStamp = true;
        private bool _begun;
        private bool _cut;
        private DateTimeOffset? _time;

        public List<LogLine> Add(Frame frame)
        {
            List<LogLine> complete = [];
            foreach (var value in frame.Bytes.Span)
            {
                if (_inStamp)
                    Stamp(value);
                else if (value == (byte)'\n')
                    complete.Add(Take());
                else if (_line.Count < limit)
                    _line.Add(value);
                else
                    _cut = true;
            }
            // Every frame starts with its time, also one that continues a line.
            if (frame.IsLast)
                EndFrame();
            return complete;
        }

        public IEnumerable<LogLine> Rest() => _begun || _line.Count > 0 ? [Take()] : [];

        private void Stamp(byte value)
        {
            if (value != (byte)' ' && _stamp.Count < 40 && value != (byte)'\n')
            {
                _stamp.Add(value);
                return;
            }
            _inStamp = false;
            var text = Encoding.UTF8.GetString([.. _stamp]);
            if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
                _time ??= time.ToUniversalTime();
            else
                _line.AddRange(_stamp);
            _stamp.Clear();
            _begun = true;
        }

        private void EndFrame()
        {
            _line.AddRange(_stamp);
            _stamp.Clear();
            _inStamp = true;
        }

        private LogLine Take()
        {
            var line = new LogLine(isError, _time, _line.ToArray(), _cut);
            _line.Clear();
            (_begun, _cut, _time) = (false, false, null);
            return line;
        }
    }
}
