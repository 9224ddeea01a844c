using System.Globalization;

namespace Mcp.Cli.Doctor;

/// <summary>
/// This clock beside those of the master and the agents that answer. Their answers carry a time in whole seconds, and the call took a while:
/// what cannot be told apart from that is no difference.
/// </summary>
internal sealed class ClockCheck() : DoctorCheck("clock")
{
    /// <summary>From here on logs of two machines cannot be laid side by side.</summary>
    private static readonly TimeSpan Noticeable = TimeSpan.FromSeconds(5);

    /// <summary>Certificates are backdated by an hour; join tokens live one. Long before that something is wrong.</summary>
    private static readonly TimeSpan Broken = TimeSpan.FromMinutes(5);

    /// <summary>The year in which this was written: a clock that has lost its battery says 1970.</summary>
    private const int FirstYear = 2026;

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var lines = new List<DoctorLine>();
        if (scene.Context.Clock.GetUtcNow().Year < FirstYear)
            lines.Add(Error($"the clock says {scene.Context.Clock.GetUtcNow():u}, which is before this program was made", "set it: timedatectl set-ntp true"));
        foreach (var peer in (await scene.PeersAsync(cancel)).Where(p => p.Skew is not null).DistinctBy(p => p.Name))
            lines.Add(Judge(peer.Name, peer.Skew!.Value, peer.Uncertainty));
        return lines;
    }

    /// <summary>The verdict on one difference.</summary>
    /// <param name="peer">Whose clock.</param>
    /// <param name="skew">Theirs minus ours.</param>
    /// <param name="uncertainty">What the measurement cannot tell.</param>
    public DoctorLine Judge(string peer, TimeSpan skew, TimeSpan uncertainty)
    {
        var apart = skew.Duration() - uncertainty;
        var words = string.Create(CultureInfo.InvariantCulture, $"{skew.Duration().TotalSeconds:0} s {(skew > TimeSpan.Zero ? "ahead of" : "behind")} this machine");
        const string remedy = "find the wrong one (date -u on both), then there: timedatectl set-ntp true";
        return apart > Broken ? Error($"the clock of {peer} is {words}", remedy)
            : apart > Noticeable ? Warning($"the clock of {peer} is {words}", remedy)
            : Ok($"the clock of {peer} agrees with this one");
    }
}
