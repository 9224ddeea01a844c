using System.Security.Cryptography;

namespace Mcp.Archive;

/// <summary>Passes bytes through in one direction and keeps their SHA-256 and number: what a trailer promises of an archive.</summary>
/// <param name="inner">Read from or written to.</param>
/// <param name="leaveOpen">Whether <paramref name="inner"/> outlives this.</param>
internal sealed class DigestStream(Stream inner, bool leaveOpen = true) : OneWayStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private string? _last;

    /// <summary>Bytes that went through.</summary>
    public long Count { get; private set; }

    /// <summary>Lower-case hex of the SHA-256 of all bytes so far; when it is disposed, of all there were.</summary>
    public string Sha256 => _last ?? Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <inheritdoc/>
    public override bool CanRead => inner.CanRead;

    /// <inheritdoc/>
    public override bool CanWrite => inner.CanWrite;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer);
        Note(buffer[..read]);
        return read;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Note(buffer);
        inner.Write(buffer);
    }

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _last is null)
        {
            _last = Sha256;
            _hash.Dispose();
            if (!leaveOpen)
                inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Note(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        Count += bytes.Length;
    }
}
