using System.Text.Json;

namespace Mcp.Podman;

/// <summary>A stream of JSON objects, one a line, each bounded; a long silence gets podman pinged.</summary>
internal sealed class JsonLines(PodmanStream stream, PodmanClient podman)
{
    private readonly byte[] _chunk = new byte[16 * 1024];
    private readonly List<byte> _line = [];
    private int _at;
    private int _filled;

    /// <summary>The next object; null at the end of the stream. A cut last line is <see cref="PodmanFailure.Malformed"/>.</summary>
    public async Task<JsonDocument?> NextAsync(CancellationToken ct)
    {
        while (true)
        {
            if (_at == _filled)
            {
                _at = 0;
                _filled = await podman.WhileProbingAsync(token => stream.ReadAsync(_chunk, token).AsTask(), ct);
                if (_filled == 0)
                    return _line.Count == 0 ? null : Take();
            }
            var rest = _chunk.AsMemory(_at, _filled - _at);
            var end = rest.Span.IndexOf((byte)'\n');
            var part = end < 0 ? rest : rest[..end];
            if (_line.Count + part.Length > podman.StreamLineBytes)
                throw new PodmanException(PodmanFailure.TooLarge, stream.What, $"a line of more than {podman.StreamLineBytes} bytes");
            _line.AddRange(part.Span);
            _at += part.Length + (end < 0 ? 0 : 1);
            if (end >= 0 && _line.Any(b => b is not ((byte)' ' or (byte)'\r' or (byte)'\t')))
                return Take();
            if (end >= 0)
                _line.Clear();
        }
    }

    private JsonDocument Take()
    {
        var bytes = _line.ToArray();
        _line.Clear();
        return JsonText.Parse(stream.What, bytes);
    }
}
