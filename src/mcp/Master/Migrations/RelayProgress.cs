using Mcp.Operations;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>
/// How far a copy is, in bytes of the data itself. What passes here is compressed, so between two words of the source it counts less than it carries;
/// the next word puts that right, and it never runs ahead.
/// </summary>
internal sealed class RelayProgress(OperationScope scope, ulong expected)
{
    private string _phase = "";
    private long _said;
    private long _total = (long)Math.Min(expected, long.MaxValue);
    private long _since;

    /// <summary>The source says where it is.</summary>
    public void Said(TransferProgress at)
    {
        _phase = Text.Printable.Line(at.Phase, 80);
        if (at.Total > 0 && at.Total <= long.MaxValue)
            _total = (long)at.Total;
        if (at.Done <= long.MaxValue && (long)at.Done >= _said)
            (_said, _since) = ((long)at.Done, 0);
        Show();
    }

    /// <summary>So many bytes went by.</summary>
    public void Passed(int bytes)
    {
        _since += bytes;
        Show();
    }

    /// <summary>The end.</summary>
    public void Done(StreamTrailer trailer)
    {
        var all = (long)Math.Min(trailer.Bytes, long.MaxValue);
        scope.Progress("", all, all, "bytes");
    }

    private void Show() => scope.Progress(_phase, _total > 0 ? Math.Min(_said + _since, _total - 1) : _said + _since, _total, "bytes");
}
