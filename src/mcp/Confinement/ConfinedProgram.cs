namespace Mcp.Confinement;

/// <summary>How a confined child is started: this program again, perhaps by another one that puts it into a namespace.</summary>
/// <param name="Path">The program to confine.</param>
/// <param name="Before">What starts it, with its arguments; empty: we do.</param>
internal sealed record ConfinedProgram(string Path, IReadOnlyList<string> Before)
{
    /// <summary>
    /// This program itself. The static file is named as the kernel has it open, so that the child is of our version although an upgrade has put
    /// another file into its place; an ordinary build is started by its host, which lies beside the assemblies.
    /// </summary>
    public static ConfinedProgram Own { get; } = new(OrdinaryBuild ? System.IO.Path.Combine(AppContext.BaseDirectory, "mcp") : "/proc/self/exe", []);

    /// <summary>Whether this runs on the JIT, whose files the child must be able to read as well: a development build.</summary>
    internal static bool OrdinaryBuild => AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") is not null;

    /// <summary>
    /// Within the user namespace in which a rootless podman runs its containers (<c>podman unshare</c>): their files belong to sub-ids of ours, which only there have
    /// the numbers that the containers see, and where we may read and set them.
    /// </summary>
    /// <param name="podman">The path of podman.</param>
    public static ConfinedProgram Rootless(string podman) =>
        // By its name: within the namespace /proc/self is somebody else.
        new(OrdinaryBuild ? Own.Path : Environment.ProcessPath!, [podman, "unshare"]);
}
