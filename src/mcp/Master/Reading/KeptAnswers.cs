using System.Collections.Concurrent;

namespace Mcp.Master.Reading;

/// <summary>
/// What every node said when it was asked last, for as long as that can still be so. An answer ends by the first sign that something moved on its
/// node: an event over the master's line to it, a Register, a change that this master made there (marked before whoever asked for the change hears
/// of its end). Without a line that stands, nothing would tell, and no answer is kept; and however quiet a node is, after
/// <see cref="Longest"/> it is asked again.
/// </summary>
/// <param name="line">Since when the master's line to a node has stood, as a timestamp of the clock; null: it does not stand.</param>
/// <param name="clock">Measures ages.</param>
internal sealed class KeptAnswers(Func<string, long?> line, TimeProvider clock)
{
    /// <summary>The time between two heartbeats: nothing that the master believes of a node is older.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Place> _places = new(StringComparer.Ordinal);

    /// <summary>Something moved on the node: what it said before proves nothing.</summary>
    public void Moved(string node) => Interlocked.Increment(ref PlaceOf(node).Moves);

    /// <summary>Taken before a node is asked, and given to <see cref="Keep"/> with its answer.</summary>
    public long MovesOf(string node) => Interlocked.Read(ref PlaceOf(node).Moves);

    /// <summary>Keeps an answer, unless it is silence.</summary>
    /// <param name="answer">What the node said.</param>
    /// <param name="moves">From before it was asked: whatever moved since makes the answer an old one.</param>
    public void Keep(NodeAnswer answer, long moves)
    {
        var place = PlaceOf(answer.Node);
        place.Said = answer.Live is null ? null : new Said(answer.MadeOf(place.Said?.Answer), moves, clock.GetTimestamp());
    }

    /// <summary>What the node said last with its age, if it still holds.</summary>
    public (NodeAnswer Answer, TimeSpan Age)? Find(string node)
    {
        if (!_places.TryGetValue(node, out var place) || place.Said is not { } said || said.Moves != Interlocked.Read(ref place.Moves))
            return null;
        var age = clock.GetElapsedTime(said.At);
        return age < Longest && line(node) is { } since && since < said.At ? (said.Answer, age) : null;
    }

    /// <summary>Whether answers of the node can be kept: only over a line that stands would something tell that they end.</summary>
    public bool CanKeep(string node) => line(node) is not null;

    /// <summary>Forgets a node that was removed.</summary>
    public void Forget(string node) => _places.TryRemove(node, out _);

    private Place PlaceOf(string node) => _places.GetOrAdd(node, _ => new Place());

    private sealed class Place
    {
        public long Moves;

        public volatile Said? Said;
    }

    private sealed record Said(NodeAnswer Answer, long Moves, long At);
}
