using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Mcp.Podman;

internal sealed partial class PodmanClient
{
    /// <summary>The image of that id, name or <c>name@digest</c>; null when the local store has none.</summary>
    public async Task<ImageDetail?> InspectImageAsync(string reference, CancellationToken ct)
    {
        using var document = await FindAsync($"images/{Segment(reference)}/json", ct);
        return document is null ? null : ImageReading.Detail(document.RootElement);
    }

    /// <summary>Whether the local store has it.</summary>
    public async Task<bool> ImageExistsAsync(string reference, CancellationToken ct) => await InspectImageAsync(reference, ct) is not null;

    /// <summary>
    /// Pulls by name and tag or by digest and returns the image's id. The answer is a stream under status 200, in which an error is just
    /// another line.
    /// </summary>
    /// <param name="reference">With its registry; <c>registry/name@sha256:…</c> for exactly that image.</param>
    /// <param name="login">Credentials, see <see cref="RegistryAuthFile"/>; null pulls anonymously.</param>
    /// <param name="progress">Told every line podman says, printable.</param>
    /// <param name="ct">Ends the pull; layers that are complete stay.</param>
    public async Task<string> PullImageAsync(string reference, RegistryLogin? login, Action<string>? progress, CancellationToken ct)
    {
        var headers = new Dictionary<string, string>();
        if (login is not null)
        {
            var auth = JsonSerializer.SerializeToUtf8Bytes(new AuthBody(login.Username, login.Password), PodmanJson.Default.AuthBody);
            headers["X-Registry-Auth"] = Convert.ToBase64String(auth).Replace('+', '-').Replace('/', '_');
        }
        var path = "images/pull" + Query(("reference", reference), ("policy", "always"));
        await using var stream = await WhileProbingAsync(
            token => _transport.OpenAsync(HttpMethod.Post, path, null, Limits.PullSilence, token, headers), ct);
        return await PullReading.ReadAsync(this, stream, reference, progress, ct);
    }

    /// <summary>Loads an archive as <c>podman save</c> or <c>mcp image self</c> writes it; returns the names of what was loaded.</summary>
    public async Task<IReadOnlyList<string>> LoadImageAsync(Stream archive, CancellationToken ct)
    {
        using var document = await SendFileAsync("images/load", archive, ct);
        return document?.RootElement.TextsAt("Names") ?? [];
    }

    /// <summary>Makes an image of one layer from a tar of a root file system.</summary>
    /// <param name="tar">Uncompressed or gzip.</param>
    /// <param name="reference">Its name and tag.</param>
    /// <param name="changes">Dockerfile instructions: <c>ENTRYPOINT ["/mcp"]</c>, <c>LABEL a=b</c>.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The image's id.</returns>
    public async Task<string> ImportImageAsync(Stream tar, string reference, IReadOnlyList<string> changes, CancellationToken ct)
    {
        var path = new StringBuilder("images/import").Append(Query(("reference", reference)));
        foreach (var change in changes)
            path.Append("&changes=").Append(Uri.EscapeDataString(change));
        using var document = await SendFileAsync(path.ToString(), tar, ct);
        var id = document?.RootElement.TextAt("Id") ?? "";
        return id.Length > 0 ? id.Replace("sha256:", "", StringComparison.Ordinal) : throw Empty("images/import");
    }

    /// <summary>Gives an image another name. An id as <paramref name="image"/> cannot move under one's feet.</summary>
    public async Task TagImageAsync(string image, string repository, string tag, CancellationToken ct) =>
        await ChangeAsync($"images/{Segment(image)}/tag{Query(("repo", repository), ("tag", tag))}", Limits.Change, ct);

    /// <summary>Removes an image, or only the name where it has others; false when there was none. One in use by a container is refused.</summary>
    public async Task<bool> RemoveImageAsync(string reference, CancellationToken ct)
    {
        try
        {
            using var document = await _transport.CallAsync(HttpMethod.Delete, $"images/{Segment(reference)}", null, Limits.Change, ct);
            return true;
        }
        catch (PodmanException e) when (e.Status == 404)
        {
            return false;
        }
    }

    private async Task<JsonDocument?> SendFileAsync(string path, Stream file, CancellationToken ct)
    {
        using var body = new StreamContent(file, 256 * 1024);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        return await _transport.CallAsync(HttpMethod.Post, path, body, Limits.Load, ct);
    }
}
